import type { LineInput } from './build-line.ts'
import type { FlagInput } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import type { DuOptions, PruneOptions, StoreFilter } from './store-options.ts'
import { parseAge, parseFilter, parseSize } from './store-values.ts'
import { parseBool, usageError } from './values.ts'

const last = (texts: readonly string[]) => texts.at(-1) ?? ''
const bool = (texts: readonly string[], { label }: FlagInput) => parseBool(last(texts), label)

const FILTERS: Flag<readonly StoreFilter[]> = {
  name: 'filter',
  placeholder: 'KEY=VALUE',
  repeat: true,
  group: 'common',
  help: 'Only items that match all filters: until=24h (not used for that long), type=TYPE, id=ID, description=TEXT; != and ~= (contains) work, too',
  absent: [],
  parse: (texts, { label }) => texts.map((text) => parseFilter(text, label)),
}

const VERBOSE: Flag<boolean> = {
  name: 'verbose',
  group: 'common',
  help: 'Show each item',
  absent: false,
  parse: bool,
}

/** Every flag of `xbuild du`. */
export const DU_FLAGS: { readonly [K in Exclude<keyof DuOptions, 'cwd'>]-?: Flag<DuOptions[K]> } = {
  filters: FILTERS,
  verbose: VERBOSE,
  json: { name: 'json', group: 'common', help: 'Print everything as JSON', absent: false, parse: bool },
  store: FLAGS.store,
}

/** Every flag of `xbuild prune`. */
export const PRUNE_FLAGS: { readonly [K in Exclude<keyof PruneOptions, 'cwd'>]-?: Flag<PruneOptions[K]> } = {
  all: {
    name: 'all',
    short: 'a',
    group: 'common',
    help: 'Remove images that have a name, and native toolchains, too',
    absent: false,
    parse: bool,
  },
  filters: FILTERS,
  maxUsedSpace: {
    name: 'max-used-space',
    aliases: ['keep-storage'],
    placeholder: 'SIZE',
    group: 'common',
    help: 'Remove the least recently used items until at most SIZE is left, like 10GB',
    absent: undefined,
    parse: (texts, { label }) => parseSize(last(texts), label),
  },
  force: {
    name: 'force',
    short: 'f',
    group: 'common',
    help: 'Do not ask for confirmation',
    absent: false,
    parse: bool,
  },
  timeout: {
    name: 'timeout',
    placeholder: 'DURATION',
    group: 'common',
    help: 'How long to wait for running builds',
    default: 'wait until they end',
    absent: undefined,
    parse: (texts, { label }) => parseAge(last(texts), label),
  },
  verbose: VERBOSE,
  store: FLAGS.store,
}

/** Reads the words and values of `xbuild du` and `xbuild prune`. Throws BAD_OPTION. */
export function readStoreCommand<T extends object>(
  values: T,
  { command, words, cwd }: LineInput,
): T & { readonly cwd: string } {
  if (words.length > 0)
    throw usageError(`Cannot ${command} "${words.join(' ')}": it takes no arguments`, `See xbuild help ${command}`)
  return { ...values, cwd }
}
