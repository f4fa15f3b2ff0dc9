/** A command line of a project. */
export interface ProjectLine {
  /** As it is written. */
  readonly line: string
  readonly env: Readonly<Record<string, string>>
  readonly folder: string
  readonly program: 'compose' | 'bake'
  readonly words: readonly string[]
  /** The file that standard input is. */
  readonly input?: string
}

export function readProjects(): readonly {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly lines: readonly ProjectLine[]
}[]

export function inFolder(
  files: Readonly<Record<string, string>>,
  work: (project: string) => Promise<unknown>,
): Promise<unknown>
