import { resolve } from 'node:path'
import { attestsInIndex } from '../config/attest.ts'
import type { CompleteOptions, Output } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { kindOf } from '../host/staging.ts'
import { checkAnnotations, parseAnnotation, type Annotation } from '../oci/annotation.ts'
import { formatReference, parseReference, type Reference } from '../oci/reference.ts'
import { formatPlatform, platformKey, type Platform } from '../platform.ts'
import { inspectLayoutFolder } from './oci-folder.ts'
import { checkForms } from './output-forms.ts'
import { checkPushNames } from './output-names.ts'

/** Where a build's result goes, checked; destinations are absolute. */
export interface OutputPlan {
  readonly outputs: readonly Output[]
  readonly tags: readonly Reference[]
  readonly annotations: readonly Annotation[]
}

/** The options that decide it. */
export type OutputOptions = Pick<
  CompleteOptions,
  | 'outputs'
  | 'push'
  | 'load'
  | 'tags'
  | 'platforms'
  | 'annotations'
  | 'provenance'
  | 'sbom'
  | 'attest'
  | 'cwd'
  | 'sourceDateEpoch'
  | 'epochOfContext'
>

/**
 * Reads and checks everything about the outputs that can be known before the build, the disk left aside. Throws
 * BAD_OPTION.
 */
export function checkOutputs(options: OutputOptions, facts: { readonly stdoutIsTerminal: boolean }): OutputPlan {
  const tags = parseTags(options.tags)
  const annotations = options.annotations.map(parseAnnotation)
  checkPlatforms(options.platforms)
  if (options.platforms.length > 0)
    checkAnnotations(annotations, options.platforms, {
      hasIndex: options.platforms.length > 1 || attestsInIndex(options),
    })
  const loads = options.load && !options.outputs.some(({ type }) => type === 'load')
  const outputs = distinctPushes([
    ...options.outputs.map((output) => (options.push ? pushed(output) : output)),
    ...(loads ? [{ type: 'load' as const }] : []),
    ...(options.push && !options.outputs.some(isPushed) ? [{ type: 'registry' as const }] : []),
  ])
  checkPushNames({ outputs, tags: options.tags })
  checkForms(outputs, { ...options, annotations })
  const taken = new Set<string>()
  const resolved = outputs.map((output): Output => {
    if (!hasDest(output)) return output
    checkDest(output, facts.stdoutIsTerminal)
    const dest = output.dest === '-' ? '-' : resolve(options.cwd, output.dest)
    if (taken.has(dest)) throw bad(output, 'two outputs have this destination', 'Give each output its own place')
    taken.add(dest)
    return { ...output, dest }
  })
  return { outputs: resolved, tags, annotations }
}

/** `--push` pushes an image that would only stay in the store. */
function pushed(output: Output): Output {
  return output.type === 'cacheonly' && isPushed(output) ? { ...output, type: 'registry' } : output
}

/** Whether an output is all that `--push` asks for. */
function isPushed(output: Output): boolean {
  return output.type === 'registry' || (output.type === 'cacheonly' && Object.keys(output).length > 1)
}

/** The same push is done once. */
function distinctPushes(outputs: readonly Output[]): readonly Output[] {
  const texts = outputs.map((output) => JSON.stringify(output))
  return outputs.filter(({ type }, index) => type !== 'registry' || texts.indexOf(texts[index]!) === index)
}

/** Looks at the disk, so that a destination that cannot be used is known before the build. Throws BAD_OPTION. */
export async function checkDestinations({ outputs }: OutputPlan): Promise<void> {
  for (const output of outputs) {
    if (!hasDest(output) || output.dest === '-') continue
    if (output.type === 'oci' && !output.tar) {
      await inspectLayoutFolder(output.dest)
      continue
    }
    const kind = await kindOf(output.dest)
    if (output.type === 'local' && kind !== 'absent' && kind !== 'folder')
      throw bad(output, 'it is not a folder', 'Name a folder, or use type=tar')
    if (output.type !== 'local' && kind === 'folder') throw bad(output, 'it is a folder', 'Name a file')
  }
}

/** An output that is written to a file or folder. */
export type FileOutput = Extract<Output, { readonly dest: string }>

export function hasDest(output: Output): output is FileOutput {
  return 'dest' in output
}

function parseTags(texts: readonly string[]): Reference[] {
  const tags = texts.map((text) => {
    const ref = parseReference(text)
    if (ref.digest)
      throw new XbuildError('BAD_OPTION', `Cannot tag the image "${text}": a tag cannot contain a digest`, {
        hint: 'Write it like NAME:TAG',
      })
    return ref
  })
  return [...new Map(tags.map((ref) => [formatReference(ref), ref])).values()]
}

function checkPlatforms(platforms: readonly Platform[]): void {
  const keys = platforms.map(platformKey)
  const twice = platforms.find((_, index) => keys.indexOf(keys[index]!) !== index)
  if (!twice) return
  throw new XbuildError('BAD_PLATFORM', `Cannot build "${formatPlatform(twice)}" twice for one image`, {
    hint: 'Name each platform once in --platform',
  })
}

function checkDest(output: FileOutput, stdoutIsTerminal: boolean): void {
  if (output.dest === '') throw bad(output, 'the destination is empty', 'Write it like dest=PATH')
  if (output.dest !== '-') {
    if (output.type === 'local' && resolve(output.dest) === '/')
      throw bad(output, 'it is the root folder of this machine', 'Name a folder of its own')
    return
  }
  if (output.type === 'local' || (output.type === 'oci' && !output.tar))
    throw bad(output, 'a folder cannot be written to stdout', 'Write dest=FOLDER, or use a tar')
  if (stdoutIsTerminal) throw bad(output, 'stdout is a terminal', 'Write dest=FILE, or redirect the output')
}

function bad(output: FileOutput, state: string, hint: string): XbuildError {
  return new XbuildError('BAD_OPTION', `Cannot write output type=${output.type} to "${output.dest}": ${state}`, {
    hint,
  })
}
