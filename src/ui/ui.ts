import type { ProgressMode } from '../config/options.ts'
import type { BuildEvent } from '../driver/driver.ts'
import { XbuildError } from '../errors.ts'
import { createJsonUi } from './json.ts'
import { createPlainUi } from './plain.ts'
import { wantsColor } from './text.ts'

/** Shows a build to a person or a program. */
export interface Ui {
  emit(event: BuildEvent): void
  /** A word of the program itself, like "Stopping". */
  note(text: string): void
  /** The last picture; afterwards others may write to the stream. */
  finish(): Promise<void>
}

/** The stream a UI writes to, and what it has to know about it. */
export interface UiOptions {
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number; readonly rows?: number }
  readonly isTTY: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

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
