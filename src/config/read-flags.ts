import { toXbuildError } from '../errors.ts'
import type { Flag } from './flag.ts'
import type { FlagInput } from './flag-values.ts'

/** Flags by the name of the option that each sets. */
export type FlagTable<T> = { readonly [K in keyof T]-?: Flag<T[K]> }

/** Texts of xbuild.yaml by the name of the option. */
export type FileTexts<T> = { readonly [K in keyof T]?: readonly string[] | undefined }

/** Where the values of flags come from. */
export interface FlagSources<T> extends Omit<FlagInput, 'label'> {
  /** Long flag name -> its texts in order. */
  readonly given: ReadonlyMap<string, readonly string[]>
  readonly inFile?: FileTexts<T> | undefined
}

/**
 * Reads all flags of a command: the command line wins over the environment, the environment over the file. Throws
 * BAD_OPTION.
 */
export function readFlags<T extends object>(table: FlagTable<T>, sources: FlagSources<T>): T {
  const values: Partial<T> = {}
  for (const option of Object.keys(table) as (keyof T)[]) {
    const value = readFlag(table[option], textsOf(table[option], sources, sources.inFile?.[option]), sources)
    if (value !== undefined) values[option] = value
  }
  return values as T
}

/** Reads one flag of the given texts; without any it is absent. Throws BAD_OPTION. */
export function readFlag<T>(flag: Flag<T>, texts: readonly string[] | undefined, input: Omit<FlagInput, 'label'>): T {
  if (!texts?.length) return flag.absent
  try {
    return flag.parse(texts, { env: input.env, localPlatform: input.localPlatform, label: `--${flag.name}` })
  } catch (cause) {
    const error = toXbuildError(cause)
    if (error.code === 'INTERNAL') throw cause
    // Whatever reads the value: here it is wrong usage
    const from = flag.env && input.env[flag.env] === texts[0] ? ` (from ${flag.env})` : ''
    throw error.with({ code: 'BAD_OPTION', message: `${error.message}${from}` })
  }
}

function textsOf<T>(
  flag: Flag<unknown>,
  { given, env }: FlagSources<T>,
  inFile: readonly string[] | undefined,
): readonly string[] | undefined {
  const onLine = given.get(flag.name)
  if (flag.merge && inFile && onLine) return [...inFile, ...onLine]
  return onLine ?? (flag.env && env[flag.env] ? [env[flag.env]!] : inFile)
}
