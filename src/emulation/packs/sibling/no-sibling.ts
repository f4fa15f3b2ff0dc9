import { XbuildError } from '../../../errors.ts'

/** Why programs of an image's sibling are not used. */
export function noSibling(what: string, state: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot use ${what} of the image's sibling: ${state}`)
}
