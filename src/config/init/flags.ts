import * as read from '../flag-values.ts'
import type { LineInput } from '../build-line.ts'
import type { FlagTable } from '../read-flags.ts'
import { usageError } from '../values.ts'

interface InitValues {
  readonly force: boolean
  readonly print: boolean
  readonly json: boolean
  readonly schema: string | undefined
}

/** `xbuild init`, read. */
export interface InitCommand extends InitValues, Pick<LineInput, 'cwd' | 'localPlatform'> {}

/** Every flag of `xbuild init`. */
export const INIT_FLAGS: FlagTable<InitValues> = {
  force: {
    name: 'force',
    group: 'common',
    help: 'Write over the xbuild.yaml that is there',
    absent: false,
    parse: read.bool,
  },
  print: {
    name: 'print',
    group: 'common',
    help: 'Print the file; nothing is written',
    absent: false,
    parse: read.bool,
  },
  json: {
    name: 'json',
    group: 'common',
    help: 'Print what was found, and the text of the file, as JSON',
    absent: false,
    parse: read.bool,
  },
  schema: {
    name: 'schema',
    placeholder: 'PATH|URL',
    group: 'common',
    help: 'Where editors find xbuild.schema.json',
    default: 'node_modules/xbuild/xbuild.schema.json, when it is there',
    absent: undefined,
    parse: read.text,
  },
}

/** Reads the words and values of `xbuild init`. Throws BAD_OPTION. */
export function readInitCommand(values: InitValues, { words, cwd, localPlatform }: LineInput): InitCommand {
  if (words.length > 0)
    throw usageError(`Cannot init "${words.join(' ')}": it takes no words`, 'Run it in the folder of the project')
  return { ...values, cwd, localPlatform }
}
