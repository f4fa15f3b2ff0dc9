import type { ProgressMode } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { createJsonUi } from './json.ts'
import { createPlainUi } from './plain.ts'
import { wantsColor } from './text.ts'
import type { Ui, UiOptions } from './types.ts'

/** The UI for a `--progress` mode; throws BAD_OPTION for `tty` without a terminal. */
export async function createUi(mode: ProgressMode, options: UiOptions): Promise<Ui> {
  const chosen = mode === 'auto' ? (options.isTTY && options.env['TERM'] !== 'dumb' ? 'tty' : 'plain') : mode
  switch (chosen) {
    case 'tty': {
      if (!options.isTTY) {
        throw new XbuildError('BAD_OPTION', 'Cannot use --progress "tty": stderr is not a terminal', {
          hint: 'Use --progress plain',
        })
      }
      const { createTtyUi } = await import('./tty.ts')
      return createTtyUi({ ...options, color: wantsColor(true, options.env) })
    }
    case 'plain':
      return createPlainUi({ ...options, color: wantsColor(options.isTTY, options.env) })
    case 'rawjson':
      return createJsonUi(options)
    case 'quiet':
      return { emit() {}, note() {}, finish: async () => {} }
  }
}
