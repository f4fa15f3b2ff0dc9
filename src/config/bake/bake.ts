import { XbuildError } from '../../errors.ts'
import { type BakeInput, readConfig } from './config.ts'
import type { BakeConfig } from './fields.ts'
import { HclError } from './hcl/error.ts'

/** Reads bake files; what is wrong with them is an `XbuildError` at its place. */
export function readBake(input: BakeInput): BakeConfig {
  try {
    return readConfig(input)
  } catch (error) {
    if (!(error instanceof HclError)) throw error
    const { at, message, hint } = error
    throw new XbuildError('BAD_OPTION', `Cannot read "${at.file}:${at.line}:${at.column}": ${message}`, {
      at,
      cause: error,
      hint,
    })
  }
}
