import type { LibraryFunction } from '../function.ts'
import { text } from '../value.ts'
import { CIDR_FUNCTIONS } from './cidr.ts'
import { COLLECTION_FUNCTIONS } from './collections.ts'
import { ENCODING_FUNCTIONS } from './encodings.ts'
import { NUMBER_FUNCTIONS } from './numbers.ts'
import { REGEX_FUNCTIONS } from './regex.ts'
import { SEMVER_FUNCTIONS } from './semver.ts'
import { SET_FUNCTIONS } from './sets.ts'
import { TEXT_FUNCTIONS } from './texts.ts'
import { TIME_FUNCTIONS } from './times.ts'

/** Forms that look like functions but do not evaluate all their arguments first. */
export const SPECIAL_FORMS = ['can', 'convert', 'try'] as const

/** The functions that any bake file can call. */
export const LIBRARY: ReadonlyMap<string, LibraryFunction> = new Map(
  Object.entries({
    ...CIDR_FUNCTIONS,
    ...COLLECTION_FUNCTIONS,
    ...ENCODING_FUNCTIONS,
    ...NUMBER_FUNCTIONS,
    ...REGEX_FUNCTIONS,
    ...SEMVER_FUNCTIONS,
    ...SET_FUNCTIONS,
    ...TEXT_FUNCTIONS,
    ...TIME_FUNCTIONS,
    homedir: { parameters: [], run: (_, { home }) => text(home) } satisfies LibraryFunction,
  }),
)
