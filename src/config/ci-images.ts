import { compact } from '../compact.ts'
import { BAKE_FLAGS, readBakeCommand, type BakeCommand, type BakeValues } from './bake/flags.ts'
import type { LineInput } from './build-line.ts'
import type { CiValues } from './ci-flags.ts'
import { readImagesLine, type ImagesCommand } from './images/line.ts'
import { usageError } from './values.ts'

/** Images of a file that a command means: of bake and compose files, or of xbuild.yaml. */
export type CiImages = { readonly names: readonly string[] } & (
  | { readonly kind: 'bake'; readonly command: BakeCommand }
  | { readonly kind: 'file'; readonly command: ImagesCommand }
)

/**
 * The images that the command line means, if any; `all`: those of xbuild.yaml are meant without being named. Throws
 * BAD_OPTION.
 */
export function readCiImages(
  values: CiValues,
  input: LineInput,
  { all }: { readonly all: boolean },
): CiImages | undefined {
  const { images: names, bakeFiles } = values
  if (bakeFiles.length > 0)
    return { kind: 'bake', names, command: readBakeCommand(bakeValues(values), { ...input, words: names }) }
  const given = ['set', 'var'].find((name) => input.given.has(name))
  if (given !== undefined) throw usageError(`Cannot use "--${given}" without a bake file`, 'Name it with --bake-file')
  const known = input.file?.images ?? []
  if (names.length > 0 && known.length === 0)
    throw usageError(`Cannot find the image "${names[0]}": xbuild.yaml names none`, 'Name a file with --bake-file')
  if (names.length === 0 && (!all || known.length === 0)) return undefined
  const command = readImagesLine(values, { ...input, words: names, command: 'ci', given: withoutCaches(input.given) })
  return { kind: 'file', names: command.chosen, command }
}

/** What `xbuild bake` would be told: where and how things run, and what the files may do. */
function bakeValues(values: CiValues): BakeValues {
  const absent = Object.fromEntries(Object.entries(BAKE_FLAGS).map(([key, flag]) => [key, flag.absent])) as unknown
  const { accel, audit, auditExcept, builders, jobs, ociRuntime, progress, quiet } = values
  const { packs, silenceTimeout, store, storeLimit, timeout } = values
  return {
    ...(absent as BakeValues),
    ...compact({ accel, audit, auditExcept, builders, jobs, ociRuntime, progress, quiet }),
    ...compact({ packs, silenceTimeout, store, storeLimit, timeout }),
    files: values.bakeFiles,
    allow: values.grants,
    set: values.sets,
    vars: values.vars,
  }
}

/** Caches are added to what the file says. */
function withoutCaches(given: LineInput['given']): LineInput['given'] {
  return new Map([...given].filter(([name]) => name !== 'cache-from' && name !== 'cache-to'))
}
