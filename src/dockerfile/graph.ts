import { compact } from '../compact.ts'
import type { Diagnostic, SourcePosition } from '../errors.ts'
import { samePlatform, type Platform } from '../platform.ts'
import { expandPlatform, resolveBase } from './base.ts'
import { expandGlobals } from './globals.ts'
import { fingerprintOf } from './fingerprint.ts'
import { shorten } from './flags.ts'
import { contextNamed, fromsOf, resolveFrom, sourceOfContext } from './sources.ts'
import { suggestionHint } from '../did-you-mean.ts'
import type { Dockerfile, GraphStage, StageGraph, StageSource } from './types.ts'
import type { GraphOptions, GraphScope } from './graph-scope.ts'

/** The stages that one target platform needs, each with FROM and every `--from` resolved; problems are collected. */
export function buildStageGraph(
  dockerfile: Dockerfile,
  options: GraphOptions,
): { graph: StageGraph; diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const add =
    (severity: Diagnostic['severity']) => (rule: string, at: SourcePosition, message: string, hint?: string) => {
      diagnostics.push({ rule, severity, message, ...compact({ hint }), at })
    }
  const fail = add('error')
  const args = expandGlobals(dockerfile, options, fail)
  const scope: GraphScope = { dockerfile, options, args, named: namedStages(dockerfile), fail, warn: add('warning') }
  const targetStage = findTarget(scope)
  const stages = new Map<number, GraphStage>()
  const wanted = options.everyStage
    ? dockerfile.stages.map(({ index }) => index)
    : targetStage === -1
      ? []
      : [targetStage]
  resolveStages(scope, wanted, stages)
  // A stage only ever needs earlier ones, so the order of the file is a topological one.
  const ordered = [...stages.values()].toSorted((a, b) => a.index - b.index)
  return {
    graph: { target: options.target, buildPlatform: options.buildPlatform, stages: ordered, targetStage },
    diagnostics,
  }
}

function namedStages({ stages }: Dockerfile): Map<string, number[]> {
  const named = new Map<string, number[]>()
  for (const { name, index } of stages) {
    if (name === undefined) continue
    const indexes = named.get(name)
    if (indexes) indexes.push(index)
    else named.set(name, [index])
  }
  return named
}

function findTarget({ dockerfile, options, named, fail }: GraphScope): number {
  const { stages, file } = dockerfile
  if (options.targetStage === undefined || options.targetStage === '') return stages.length - 1
  const wanted = options.targetStage.toLowerCase()
  const found = named.get(wanted)?.at(-1)
  if (found !== undefined) return found
  const names = stages.flatMap(({ name }) => name ?? [])
  const list = names.length === 0 ? 'no stage has a name' : `the stages are ${names.join(', ')}`
  const otherwise = /^\d+$/.test(wanted)
    ? 'Name the stage with FROM ... AS NAME and use the name'
    : 'Use the name of a stage'
  const hint = suggestionHint(wanted, names, otherwise)
  fail(
    'unknown-target',
    { file, line: stages[0]?.from.at.line ?? 1 },
    `Cannot find target stage "${shorten(options.targetStage)}": ${shorten(list)}`,
    hint,
  )
  return -1
}

/** Resolves a stage after everything it needs; a stack of its own, as chains of stages can be long. */
function resolveStages(scope: GraphScope, wanted: readonly number[], resolved: Map<number, GraphStage>): void {
  const needed = new Map<number, ReturnType<typeof resolveSources>>()
  const scopes = pinnedScopes(scope)
  const scopeOf = (index: number) => scopes.get(index) ?? scope
  const pending = [...wanted]
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (needed.has(index)) continue
    const sources = resolveSources(scopeOf(index), index)
    needed.set(index, sources)
    pending.push(...sources.needs)
  }
  for (const index of [...needed.keys()].toSorted((a, b) => a - b)) {
    resolved.set(index, finishStage(scopeOf(index), index, needed.get(index)!, resolved))
  }
}

/** The scopes of pinned stages and of those that they need. */
function pinnedScopes(scope: GraphScope): ReadonlyMap<number, GraphScope> {
  const { dockerfile, fail } = scope
  const { pinned, ...rest } = scope.options
  const scopes = new Map<number, GraphScope>()
  if (!pinned) return scopes
  const options = { ...rest, buildPlatform: pinned.platform }
  const own = { ...scope, options, args: expandGlobals(dockerfile, options, fail) }
  const pending = pinned.stages.flatMap((name) => scope.named.get(name.toLowerCase())?.at(-1) ?? [])
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (scopes.has(index)) continue
    scopes.set(index, own)
    pending.push(...resolveSources(own, index).needs)
  }
  return scopes
}

interface Sources {
  readonly base: StageSource
  readonly platform?: Platform
  readonly froms: Readonly<Record<string, StageSource>>
  readonly needs: readonly number[]
  /** Replaced as a whole by the build context of its name. */
  readonly replaced: boolean
}

function resolveSources(scope: GraphScope, index: number): Sources {
  const { dockerfile, options } = scope
  const stage = dockerfile.stages[index]!
  const replacement = stage.name === undefined ? undefined : contextNamed(stage.name, options.namedContexts)
  const platform = expandPlatform(scope, index)
  const own = platform === undefined ? {} : { platform }
  const replaced = replacement !== undefined
  const base = replaced ? sourceOfContext(replacement, options) : resolveBase(scope, index)
  const froms = new Map<string, StageSource>()
  const written = fromsOf(dockerfile, replaced ? { ...stage, instructions: [] } : stage, {
    base,
    triggers: options.triggers?.get(index) ?? [],
  })
  for (const { text, at } of written) {
    if (!froms.has(text)) froms.set(text, resolveFrom(scope, { text, at, before: index }))
  }
  const stages = [base, ...froms.values()].flatMap((source) => (source.kind === 'stage' ? source.index : []))
  const needs = [...new Set(stages)].toSorted((a, b) => a - b)
  return { base, ...own, froms: Object.fromEntries(froms), needs, replaced }
}

function finishStage(
  scope: GraphScope,
  index: number,
  sources: Sources,
  resolved: ReadonlyMap<number, GraphStage>,
): GraphStage {
  const { dockerfile, options, args } = scope
  const written = dockerfile.stages[index]!
  const stage = sources.replaced ? { ...written, instructions: [] } : written
  const parent = sources.base.kind === 'stage' ? resolved.get(sources.base.index) : undefined
  const platform = parent?.platform ?? sources.platform ?? options.target
  if (parent && sources.platform && !samePlatform(sources.platform, parent.platform)) {
    scope.warn(
      'platform-of-stage',
      stage.from.at,
      `--platform has no effect: the stage "${stage.from.image}" has its own platform`,
      'Remove it, or set it where that stage starts',
    )
  }
  // What is read beside the base is read for the target platform, whatever the stage itself runs on.
  const froms = samePlatform(platform, options.target) ? sources.froms : withPlatform(sources.froms, options)
  const { base, needs } = sources
  const { escape } = dockerfile.directives
  const found = { index, stage, platform, base, froms, needs, args }
  return {
    ...found,
    ...compact({ name: stage.name }),
    ...(escape === '\\' ? {} : { escape }),
    fingerprint: fingerprintOf(found, { resolved, buildArgs: options.buildArgs }),
  }
}

function withPlatform(
  froms: Readonly<Record<string, StageSource>>,
  { target, folderContexts = [] }: GraphOptions,
): Record<string, StageSource> {
  const entries = Object.entries(froms).map(([text, source]) => {
    const same =
      source.kind === 'stage' ||
      source.kind === 'scratch' ||
      (source.kind === 'context' && folderContexts.includes(source.name))
    return [text, same ? source : { ...source, platform: target }] as const
  })
  return Object.fromEntries(entries)
}
