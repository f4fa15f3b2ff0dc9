import { realpath } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import type { CompleteOptions } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { readTextFile } from '../source/text-file.ts'
import type { DockerfileText } from './context-types.ts'

/** The file named, or `Dockerfile`, then `dockerfile`, in the context. */
export async function folderDockerfile(
  options: Pick<CompleteOptions, 'cwd' | 'context' | 'file'>,
): Promise<DockerfileText> {
  const context = resolve(options.cwd, options.context)
  const candidates =
    options.file === undefined
      ? [join(context, 'Dockerfile'), join(context, 'dockerfile')]
      : [resolve(options.cwd, options.file)]
  for (const path of candidates) {
    try {
      await checkPlace(path, context)
      const shown = relative(options.cwd, path)
      return { text: await readTextFile(path), shown: shown.startsWith('..') ? path : shown, path }
    } catch (cause) {
      if (cause instanceof XbuildError) throw cause
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') continue
      throw new XbuildError(
        'NOT_FOUND',
        `Cannot read the Dockerfile "${path}": ${code === 'EISDIR' ? 'it is a folder' : message}`,
        { cause, hint: 'Name the file with -f' },
      )
    }
  }
  throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${candidates[0]}": no such file`, {
    hint: 'Name it with -f, or give the folder that holds it',
  })
}

/**
 * A Dockerfile of the context must be a file in it: errors show its lines, and a link of whoever made the context may
 * lead to what nobody should see. Throws OUTSIDE_CONTEXT.
 */
async function checkPlace(path: string, context: string): Promise<void> {
  const [real, root] = await Promise.all([realpath(path), realpath(context).catch(() => context)])
  const inside = (name: string, folder: string) => !relative(folder, name).split('/').includes('..')
  if (inside(path, context) && !inside(real, root))
    throw new XbuildError(
      'OUTSIDE_CONTEXT',
      `Cannot read the Dockerfile "${path}": it is a symbolic link to a path outside of the context`,
      {
        hint: `Name the file itself with -f`,
      },
    )
}
