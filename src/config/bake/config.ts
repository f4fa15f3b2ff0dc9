import { suggestionHint } from '../../did-you-mean.ts'
import { checkDefinitions, FUNCTION_KEYS } from './check-definitions.ts'
import { checkFunctions } from './check-functions.ts'
import { type BakeFile, type Document, readDocument } from './document.ts'
import {
  type BakeConfig,
  type BakeGroup,
  type BakeTarget,
  type BakeWarning,
  FIELDS,
  type Field,
  fieldRule,
} from './fields.ts'
import type { Block } from './hcl/ast.ts'
import { createBudget, spendItems } from './hcl/budget.ts'
import { convert } from './hcl/convert.ts'
import { HclError } from './hcl/error.ts'
import { evaluate } from './hcl/evaluate.ts'
import { guarded } from './hcl/guarded.ts'
import { STRING } from './hcl/types.ts'
import { entriesOf, isMapping, isSequence, itemsOf, type Value } from './hcl/value.ts'
import { mergeTargets } from './merge.ts'
import { attributeOf, createEvaluation, type Evaluation, type Instance, validateVariables } from './root.ts'

/** What bake files are read with; nothing of the machine is looked up. */
export interface BakeInput {
  /** Files in HCL or JSON; later ones add to earlier ones. */
  readonly files: readonly BakeFile[]
  /** What other files define, such as compose files: bake files add to it. */
  readonly base?: readonly BakeTarget[]
  readonly baseGroups?: readonly BakeGroup[]
  /** Variables of the command line. */
  readonly vars?: Readonly<Record<string, string>>
  /** Variables of the environment; none when they are not to be looked up. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** `BAKE_CMD_CONTEXT`. */
  readonly cmdContext?: string
  /** `BAKE_LOCAL_PLATFORM`. */
  readonly localPlatform: string
  readonly now: Date
  readonly home: string
}

const NAME = /^[a-zA-Z0-9_-]+$/
const VARIABLE_KEYS = ['type', 'default', 'description']
const OTHER_TARGET_KEYS = ['matrix', 'name']

/** Reads bake files: everything in them is evaluated. Throws `HclError` at the place of what is wrong. */
export function readConfig(input: BakeInput): BakeConfig {
  const document = readDocument(input.files)
  const vars = new Map(Object.entries(input.vars ?? {}))
  const env = new Map(Object.entries(input.env))
  const evaluation = createEvaluation({
    document,
    world: { budget: createBudget(), now: input.now, home: input.home },
    fixed: new Map([
      ['BAKE_CMD_CONTEXT', input.cmdContext ?? 'cwd://'],
      ['BAKE_LOCAL_PLATFORM', input.localPlatform],
    ]),
    given: (name) => vars.get(name) ?? env.get(name),
  })
  const variables = evaluation.variables()
  validateVariables(document, evaluation)
  checkFunctions(document, evaluation.known())
  checkDefinitions(document)
  const instances = document.blocks.flatMap((block) => instancesOf(block, evaluation))
  evaluation.add(instances)
  const isGroup = (name: string) =>
    (input.baseGroups ?? []).some((group) => group.name === name) ||
    document.blocks.some(({ type, labels }) => type === 'group' && labels[0] === name)
  const targets = [...(input.base ?? []), ...instances.filter(isTarget).map((each) => targetOf(each, evaluation))]
  const groups = [
    ...(input.baseGroups ?? []),
    ...instances.filter((each) => !isTarget(each)).map((each) => groupOf(each, evaluation)),
    ...matrixGroups(document.blocks, instances).filter(({ name }) => !isGroup(name)),
  ]
  for (const [name, { value }] of document.attributes) evaluation.scope().root.variable(name, value.at)
  return {
    targets: mergeTargets(targets),
    groups: lastGroups(groups),
    variables: variables.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    warnings: warningsOf(document),
  }
}

function isTarget({ block }: Instance): boolean {
  return block.type === 'target'
}

// A later block of the same group takes the place of the earlier one
function lastGroups(groups: readonly BakeGroup[]): BakeGroup[] {
  const last = new Map<string, BakeGroup>()
  for (const group of groups) last.set(group.name, { ...group, targets: [...new Set(group.targets)] })
  return [...last.values()]
}

// A block with a matrix is a group of what it made
function matrixGroups(blocks: readonly Block[], instances: readonly Instance[]): BakeGroup[] {
  const made = new Map<string, string[]>()
  for (const block of blocks) {
    const label = block.labels[0]!
    const names = instances.filter((each) => each.block === block).map(({ name }) => name)
    made.set(`${block.type} ${label}`, [...(made.get(`${block.type} ${label}`) ?? []), ...names])
  }
  return [...made].flatMap(([key, all]) => {
    const name = key.slice(key.indexOf(' ') + 1)
    const targets = [...new Set(all)]
    return targets.length === 0 || (targets.length === 1 && targets[0] === name) ? [] : [{ name, targets }]
  })
}

function instancesOf(block: Block, evaluation: Evaluation): Instance[] {
  const label = block.labels[0]!
  const [matrix, named] = [attributeOf(block, 'matrix'), attributeOf(block, 'name')]
  checkName(label, block.at)
  if (block.type === 'group') {
    const wrong = matrix ?? named
    if (wrong) throw new HclError(`a group has no ${wrong.name}`, wrong.at)
    return [{ block, name: label, own: new Map() }]
  }
  if (named && !matrix) throw new HclError('only a target with a matrix can have a name', named.at)
  const rows = matrix
    ? matrixRows(evaluate(matrix.value, evaluation.scope()), matrix.value.at, evaluation)
    : [new Map()]
  const found = rows.map((own) => ({ block, own, name: named ? nameOf(named.value, own, evaluation) : label }))
  const seen = new Set<string>()
  for (const { name } of found) {
    checkName(name, named?.value.at ?? block.at)
    if (seen.has(name))
      throw new HclError(
        `the matrix makes the target "${name}" twice`,
        named?.value.at ?? block.at,
        'Give a name with all keys of the matrix in it',
      )
    seen.add(name)
  }
  return found
}

function nameOf(
  expression: Parameters<typeof evaluate>[0],
  own: ReadonlyMap<string, Value>,
  evaluation: Evaluation,
): string {
  const value = evaluate(expression, evaluation.scope(own))
  if (value.data === null) throw new HclError('the name of a target is null', expression.at)
  return guarded(expression.at, () => convert(value, STRING)).data as string
}

function checkName(name: string, at: Block['at']): void {
  if (!NAME.test(name))
    throw new HclError(
      `"${name}" is not a name`,
      at,
      'Letters, digits, "_" and "-" make a name; sanitize() replaces the others',
    )
}

function matrixRows(value: Value, at: Block['at'], evaluation: Evaluation): ReadonlyMap<string, Value>[] {
  if (!isMapping(value) || value.data === null)
    throw new HclError('a matrix must be an object whose values are lists', at)
  let rows: ReadonlyMap<string, Value>[] = [new Map()]
  for (const [key, items] of entriesOf(value)) {
    if (items.data === null || !(isSequence(items) || isMapping(items)))
      throw new HclError(`the matrix key "${key}" is not a list`, at)
    // Of an object its values count
    const values = isMapping(items) ? [...entriesOf(items).values()] : itemsOf(items)
    const count = rows.length * values.length
    guarded(at, () => spendItems(evaluation.scope().root.world.budget, count * 10))
    rows = values.flatMap((item) => rows.map((row) => new Map([...row, [key, item]])))
  }
  return rows
}

function targetOf(instance: Instance, evaluation: Evaluation): BakeTarget {
  const fields = new Map<string, Field>()
  for (const { name } of instance.block.body.attributes) {
    const found = fieldRule(name) && evaluation.field(instance, name)
    if (found) fields.set(name, found)
  }
  return { name: instance.name, at: instance.block.at, fields }
}

function groupOf(instance: Instance, evaluation: Evaluation): BakeGroup {
  const { block } = instance
  if (!attributeOf(block, 'targets')) throw new HclError(`the group "${instance.name}" has no targets`, block.at)
  const targets = evaluation.field(instance, 'targets')
  const description = attributeOf(block, 'description') && evaluation.field(instance, 'description')
  return {
    name: instance.name,
    ...(description?.kind === 'text' && description.said.value !== '' ? { description: description.said.value } : {}),
    targets: targets?.kind === 'texts' ? targets.items.map(({ value }) => value) : [],
    ...(targets?.kind === 'texts'
      ? { places: new Map(targets.items.flatMap(({ value, at }) => (at ? [[value, at] as const] : []))) }
      : {}),
  }
}

// buildx passes over what it does not know; so may a file that is written for a newer one
function warningsOf({ blocks, variables, functions, unknown, reserved }: Document): BakeWarning[] {
  const known = (type: string) =>
    type === 'target'
      ? [...Object.keys(FIELDS), ...OTHER_TARGET_KEYS]
      : type === 'group'
        ? ['targets', 'description', 'name', 'matrix']
        : type === 'variable'
          ? VARIABLE_KEYS
          : FUNCTION_KEYS
  const all = [...blocks, ...variables.values(), ...functions.values()]
  return [
    ...reserved.map(({ name, at }) => ({
      message: `"${name}" is a name of bake itself: this definition is ignored`,
      at,
    })),
    ...unknown.map(({ type, at }) => ({
      message: `unknown block type "${type}", which is ignored`,
      at,
      hint: suggestionHint(type, ['target', 'group', 'variable', 'function']),
    })),
    ...all.flatMap((block) =>
      block.body.attributes
        .filter(({ name }) => !known(block.type).includes(name))
        .map(({ name, at }) => ({
          message: `a ${block.type} has no attribute "${name}", which is ignored`,
          at,
          hint: suggestionHint(name, known(block.type)),
        })),
    ),
  ]
}
