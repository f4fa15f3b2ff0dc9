import type { SourcePosition } from '../errors.ts'
import { shorten } from './flags.ts'
import type { GraphScope } from './graph-scope.ts'
import { mountFrom } from './mount.ts'
import { parseTrigger } from './parse.ts'
import { suggest } from '../did-you-mean.ts'
import type { Dockerfile, GraphStage, Instruction, Stage, StageSource } from './types.ts'

/** A `--from` as it is written, and where. */
interface WrittenFrom {
  readonly text: string
  readonly at: SourcePosition
}

/**
 * Everything that the COPYs and RUN mounts of a stage read from, triggers of what it is built from included: of a stage,
 * or of an image, whose ones are `triggers`.
 */
export function fromsOf(
  dockerfile: Dockerfile,
  stage: Stage,
  { base, triggers }: { readonly base: StageSource; readonly triggers: readonly string[] },
): WrittenFrom[] {
  const froms = fromsOfTriggers(triggers, stage.from.at)
  if (base.kind === 'stage')
    for (const trigger of triggersOf(dockerfile.stages[base.index]!)) addFroms(froms, trigger, stage.from.at)
  for (const instruction of stage.instructions) addFroms(froms, instruction, instruction.at)
  return froms
}

/** The ONBUILD instructions of a stage, parsed. */
export function triggersOf(stage: Stage): Instruction[] {
  const triggers: Instruction[] = []
  for (const instruction of stage.instructions) {
    const parsed =
      instruction.kind === 'onbuild' ? parseTrigger(instruction.trigger, instruction.at).instruction : undefined
    if (parsed) triggers.push(parsed)
  }
  return triggers
}

/** Whether triggers of a base image read from something that the graph has not seen. */
export function readUnseen(triggers: readonly string[], { froms, stage }: GraphStage): boolean {
  return fromsOfTriggers(triggers, stage.from.at).some(({ text }) => !Object.hasOwn(froms, text))
}

function fromsOfTriggers(triggers: readonly string[], at: SourcePosition): WrittenFrom[] {
  const froms: WrittenFrom[] = []
  for (const trigger of triggers) {
    const { instruction } = parseTrigger(trigger, at)
    if (instruction) addFroms(froms, instruction, at)
  }
  return froms
}

function addFroms(froms: WrittenFrom[], instruction: Instruction, at: SourcePosition): void {
  if (instruction.kind === 'run') {
    for (const mount of instruction.mounts) {
      const text = mountFrom(mount)
      if (text !== undefined) froms.push({ text, at })
    }
  } else if (instruction.kind === 'copy' && instruction.from !== undefined) {
    froms.push({ text: instruction.from, at })
  }
}

/** What a `--from` of the stage `before` names: an earlier stage by name or index, a build context, or an image. */
export function resolveFrom(scope: GraphScope, { text, at, before }: WrittenFrom & { before: number }): StageSource {
  const { dockerfile, options, fail, warn } = scope
  const { stages } = dockerfile
  const source = `--from="${shorten(text)}"`
  if (text.includes('$')) {
    fail(
      'variable-in-from',
      at,
      `Cannot use ${source}: variables are not expanded there`,
      'Write FROM with the variable AS a stage, and copy from that stage',
    )
    return { kind: 'scratch' }
  }
  if (/^\d+$/.test(text)) {
    const index = Number(text)
    if (index < before) return sourceOfStage(scope, index)
    const other = index < stages.length ? `stage ${index} starts later` : `there are ${stages.length} stages`
    const state = index === before ? 'it is this stage itself' : other
    fail('unknown-stage', at, `Cannot use ${source}: ${state}`, 'Use a stage that is defined before this one')
    return { kind: 'scratch' }
  }
  const name = text.toLowerCase()
  const indexes = scope.named.get(name) ?? []
  const earlier = indexes.findLast((index) => index < before)
  if (earlier !== undefined) return sourceOfStage(scope, earlier)
  const later = indexes[0] === undefined ? undefined : stages[indexes[0]]
  if (later && contextNamed(name, options.namedContexts) === undefined) {
    const self = later.index === before
    const state = self
      ? 'a stage cannot copy from itself'
      : `stage "${name}" starts later, at line ${later.from.at.line}`
    fail(
      self ? 'circular-stage' : 'forward-stage',
      at,
      `Cannot use ${source}: ${state}`,
      'Use a stage that is defined before this one',
    )
    return { kind: 'scratch' }
  }
  const context = contextNamed(text, options.namedContexts)
  if (context !== undefined) return sourceOfContext(context, options)
  if (text === 'scratch') return { kind: 'scratch' }
  // A file with more stages was written by a program, which does not mistype.
  const similar =
    stages.length > 100
      ? undefined
      : suggest(
          name,
          stages.flatMap((stage) => (stage.index < before && stage.name) || []),
        )
  if (similar !== undefined)
    warn('maybe-stage', at, `${source} is treated as an image: no stage has that name`, `Did you mean "${similar}"`)
  return { kind: 'image', ref: text }
}

function sourceOfStage({ dockerfile, options }: GraphScope, index: number): StageSource {
  const { name } = dockerfile.stages[index]!
  const context = name === undefined ? undefined : contextNamed(name, options.namedContexts)
  return context === undefined ? { kind: 'stage', index } : sourceOfContext(context, options)
}

/** What a build context is to a stage; `docker-image://scratch` is no image. */
export function sourceOfContext(name: string, { scratchContexts = [] }: GraphScope['options']): StageSource {
  return scratchContexts.includes(name) ? { kind: 'scratch' } : { kind: 'context', name }
}

/**
 * The build context that a name or an image reference means, if there is one: `alpine` is
 * `docker.io/library/alpine:latest`.
 */
export function contextNamed(name: string, contexts: readonly string[]): string | undefined {
  if (contexts.length === 0) return undefined
  const wanted = familiarName(name)
  return contexts.find((context) => context === name) ?? contexts.find((context) => familiarName(context) === wanted)
}

function familiarName(ref: string): string {
  let name = ref
  for (const host of ['docker.io/', 'index.docker.io/']) if (name.startsWith(host)) name = name.slice(host.length)
  if (name.startsWith('library/')) name = name.slice('library/'.length)
  return name.endsWith(':latest') ? name.slice(0, -':latest'.length) : name
}
