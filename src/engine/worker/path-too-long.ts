import { XbuildError } from '../../errors.ts'

/** Whether the system, or a program, says so: a step can make folders that no path reaches the end of. */
export function isPathTooLong(error: unknown): boolean {
  if (error instanceof XbuildError) return error.output?.some((line) => /File name too long/.test(line)) === true
  return (error as NodeJS.ErrnoException).code === 'ENAMETOOLONG'
}

/** What to say of it. */
export function pathTooLong(cause: unknown): XbuildError {
  return new XbuildError('UNSUPPORTED', 'Cannot read the file system of a step: a path in it is too long', {
    cause,
    hint: 'Remove such folders in the RUN that makes them',
  })
}
