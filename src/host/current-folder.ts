import { XbuildError } from '../errors.ts'

/** The folder that a process runs in. Throws NOT_FOUND when somebody removed it meanwhile. */
export function currentFolder({ cwd }: Pick<NodeJS.Process, 'cwd'> = process): string {
  try {
    return cwd()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    throw new XbuildError('NOT_FOUND', 'Cannot run in the current folder: it was removed', {
      cause,
      hint: 'Change to a folder that is there',
    })
  }
}
