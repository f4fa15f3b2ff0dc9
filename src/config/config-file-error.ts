import { XbuildError, type Diagnostic } from '../errors.ts'

/** What is wrong in a config file, every problem with its line. */
export class ConfigFileError extends XbuildError {
  readonly diagnostics: readonly Diagnostic[]

  constructor(file: string, diagnostics: readonly Diagnostic[]) {
    const only = diagnostics.length === 1 ? diagnostics[0] : undefined
    super('BAD_OPTION', only?.message ?? `Cannot use config file "${file}": ${diagnostics.length} problems`, only)
    this.diagnostics = only ? [] : diagnostics
  }
}
