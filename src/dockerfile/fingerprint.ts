import { createHash } from 'node:crypto'
import { platformKey } from '../platform.ts'
import { triggersOf } from './sources.ts'
import type { GraphStage, Instruction, StageSource } from './types.ts'

/** A digest of everything that decides what a stage does; ARGs that it never names are not in it. */
export function fingerprintOf(
  stage: Omit<GraphStage, 'fingerprint' | 'name' | 'escape'>,
  options: { resolved: ReadonlyMap<number, GraphStage>; buildArgs: Readonly<Record<string, string>> },
): string {
  const { global } = stage.args
  const parent = stage.base.kind === 'stage' ? options.resolved.get(stage.base.index) : undefined
  const triggers = parent ? triggersOf(parent.stage) : []
  const names = new Set<string>()
  for (const instruction of triggers) addDeclared(names, instruction)
  for (const instruction of stage.stage.instructions) addDeclared(names, instruction)
  const values = [...names].sort().map((name) => {
    if (Object.hasOwn(options.buildArgs, name)) return [name, 'build', options.buildArgs[name]]
    return [name, 'global', Object.hasOwn(global, name) ? global[name] : null]
  })
  const sources = Object.entries(stage.froms).map(([text, source]) => [text, sourceKey(source)])
  const facts = [stage.index, platformKey(stage.platform), sourceKey(stage.base), sources, values]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')

  function sourceKey(source: StageSource): unknown {
    if (source.kind === 'stage') return ['stage', options.resolved.get(source.index)!.fingerprint]
    if (source.kind === 'scratch') return ['scratch']
    const platform = source.platform ? platformKey(source.platform) : platformKey(stage.platform)
    return source.kind === 'image' ? ['image', source.ref, platform] : ['context', source.name, platform]
  }
}

/** ARGs that take a value from outside: a default that nothing overrides is part of the stage's own text. */
function addDeclared(names: Set<string>, instruction: Instruction): void {
  if (instruction.kind !== 'arg') return
  for (const { name, value } of instruction.args) if (value === undefined) names.add(name)
}
