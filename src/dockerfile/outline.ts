import { compact } from '../compact.ts'
import type { SourcePosition } from '../errors.ts'
import { descriptionOf } from './checks/descriptions.ts'
import { usedIn } from './checks/from-args.ts'
import type { View } from './checks/rule.ts'
import { parseMount } from './mount.ts'
import type { ArgInstruction, Dockerfile } from './types.ts'

/** A stage that can be built by its name. */
export interface Target {
  /** Absent: it can only be built as the last one. */
  readonly name?: string
  readonly description?: string
  readonly isDefault: boolean
  /** As FROM writes them. */
  readonly base: string
  readonly platform?: string
  readonly at: SourcePosition
}

/** Something that a target takes from outside. */
export interface Parameter {
  readonly name: string
  readonly description?: string
  /** Of a build argument, when it has one. */
  readonly value?: string
  readonly required?: boolean
  readonly at: SourcePosition
}

/** What the build of one target takes. */
export interface Outline {
  readonly name?: string
  readonly description?: string
  readonly args: readonly Parameter[]
  readonly secrets: readonly Parameter[]
  readonly ssh: readonly Parameter[]
}

/** All stages, in the order of the file; the last one is the default. */
export function targetsOf({ stages }: Dockerfile): Target[] {
  return stages.map(({ name, from, index }) => ({
    ...(name === undefined ? {} : { name, ...described(name, from.written?.comments) }),
    isDefault: index === stages.length - 1,
    base: from.image,
    ...compact({ platform: from.platform }),
    at: from.at,
  }))
}

/**
 * The build arguments, secrets and ssh agents of the target stage and of all stages that it needs; the last
 * declaration of a name counts.
 */
export function outlineOf({ metaArgs }: Dockerfile, { graph, stages }: View): Outline {
  const args = new Map<string, Parameter>()
  const secrets = new Map<string, Parameter>()
  const ssh = new Map<string, Parameter>()
  const global = graph.stages[0]?.args ?? { global: {}, build: {} }
  const used = new Set(
    stages.flatMap(({ stage }) =>
      [stage.stage.from.image, stage.stage.from.platform ?? ''].flatMap(
        (text) => usedIn(text, { args: global, escape: stage.escape ?? '\\' }).names,
      ),
    ),
  )
  for (const arg of metaArgs) addArgs(args, arg, { valueOf: (name) => global.global[name], only: used })
  for (const { stage, evaluated } of stages) {
    for (const instruction of stage.stage.instructions) {
      if (instruction.kind === 'arg') addArgs(args, instruction, { valueOf: (name) => evaluated.args[name] })
      if (instruction.kind !== 'run') continue
      for (const mount of instruction.mounts) {
        const fields = new Map(parseMount(mount).fields.map(({ key, value }) => [key, value]))
        const required = fields.has('required') && fields.get('required') !== 'false' ? { required: true } : {}
        const type = fields.get('type')
        const target = fields.get('target') ?? fields.get('dst') ?? fields.get('destination') ?? fields.get('env')
        const name = fields.get('id') ?? (type === 'ssh' ? 'default' : target?.split('/').at(-1))
        if (name && type === 'secret') secrets.set(name, { name, ...required, at: instruction.at })
        if (name && type === 'ssh') ssh.set(name, { name, ...required, at: instruction.at })
      }
    }
  }
  for (const [name, parameter] of args) {
    const outside = metaArgs.findLast((arg) => arg.args.some((one) => one.name === name))
    if (parameter.description === undefined && outside)
      args.set(name, { ...parameter, ...described(name, outside.written?.comments) })
  }
  const target = stages.find(({ stage }) => stage.index === graph.targetStage)?.stage
  const name = target?.name
  return {
    ...(name === undefined ? {} : { name, ...described(name, target?.stage.from.written?.comments) }),
    args: inOrder(args),
    secrets: inOrder(secrets),
    ssh: inOrder(ssh),
  }
}

const AUTOMATIC = /^(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)$|^TARGETSTAGE$/

function addArgs(
  into: Map<string, Parameter>,
  { args, at, written }: ArgInstruction,
  { valueOf, only }: { valueOf: (name: string) => string | undefined; only?: ReadonlySet<string> },
): void {
  for (const { name } of args) {
    if (AUTOMATIC.test(name) || (only && !only.has(name))) continue
    const value = valueOf(name)
    into.set(name, { name, ...described(name, written?.comments), ...compact({ value }), at })
  }
}

function described(name: string, comments: readonly string[] | undefined): { description?: string } {
  const description = descriptionOf(name, comments)
  return description ? { description } : {}
}

function inOrder(parameters: ReadonlyMap<string, Parameter>): Parameter[] {
  return [...parameters.values()].sort((a, b) => a.at.line - b.at.line)
}
