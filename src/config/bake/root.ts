import { compact } from '../../compact.ts'
import type { KnownNames } from './check-functions.ts'
import { decodeField, fieldValue } from './decode.ts'
import type { Document } from './document.ts'
import { type BakeVariable, type Field, fieldRule, FIELDS } from './fields.ts'
import type { Attribute, Block, Expression, Place } from './hcl/ast.ts'
import { convert, ConvertError } from './hcl/convert.ts'
import { CircleError, HclError } from './hcl/error.ts'
import { evaluate } from './hcl/evaluate.ts'
import { guarded } from './hcl/guarded.ts'
import type { World } from './hcl/function.ts'
import { LIBRARY, SPECIAL_FORMS } from './hcl/functions/library.ts'
import type { Root, Scope, UserFunction } from './hcl/scope.ts'
import { readType } from './hcl/type-expression.ts'
import { BOOL, STRING, type Type } from './hcl/types.ts'
import { nullOf, object, text, type Value } from './hcl/value.ts'
import { type GivenValue, givenValue, shownVariable } from './variables.ts'

const GROUP_KEYS: readonly string[] = ['description', 'targets']
/** Attributes that a target as a whole has only where it says them: not all versions of buildx know them. */
const NEWER: readonly string[] = ['resources', 'policy', 'test']

/** A target or a group as it stands in a file; a matrix makes several of one block. */
export interface Instance {
  readonly block: Block
  readonly name: string
  readonly own: ReadonlyMap<string, Value>
}

/** What evaluation looks at. */
export interface RootInput {
  readonly document: Document
  readonly world: World
  /** Variables that cannot be overridden, such as `BAKE_LOCAL_PLATFORM`. */
  readonly fixed: ReadonlyMap<string, string>
  /** What the user gives to a variable. */
  readonly given: (name: string) => string | undefined
}

/** A document whose names are evaluated as they are asked for, each once. */
export interface Evaluation {
  readonly scope: (own?: ReadonlyMap<string, Value>) => Scope
  /** The attribute of an instance as targets have it; undefined when it says nothing. */
  readonly field: (instance: Instance, name: string) => Field | undefined
  /** Makes instances known to `target.NAME` and `group.NAME`. */
  readonly add: (instances: readonly Instance[]) => void
  readonly variables: () => BakeVariable[]
  /** What functions may name. */
  readonly known: () => KnownNames
}

/** The evaluation of a document. */
export function createEvaluation({ document, world, fixed, given }: RootInput): Evaluation {
  const values = new Map<string, Value>()
  const open = new Set<string>()
  const types = new Map<string, Type>()
  const fields = new Map<Instance, Map<string, Field | undefined>>()
  const instances = new Map<string, Instance>()
  const root: Root = {
    world,
    variable,
    member,
    userFunction: (name, at) => functionOf(document.functions.get(name), name, at),
    library: (name) => LIBRARY.get(name),
    names: () => ({
      variables: [...fixed.keys(), ...document.variables.keys(), ...document.attributes.keys(), 'target', 'group'],
      functions: [...LIBRARY.keys(), ...SPECIAL_FORMS, ...document.functions.keys()],
    }),
    running: new Set(),
  }
  const scope = (own: ReadonlyMap<string, Value> = new Map()): Scope => ({ root, own, depth: 0 })
  return {
    scope,
    field,
    add: (added) => {
      for (const instance of added) instances.set(`${instance.block.type} ${instance.name}`, instance)
    },
    variables: () => [...document.variables].map(([name, block]) => listed(name, block)),
    known: () => ({
      variables: new Set([...fixed.keys(), ...document.variables.keys(), ...document.attributes.keys()]),
      library: new Set([...LIBRARY.keys(), ...SPECIAL_FORMS]),
      userFunction: root.userFunction,
    }),
  }

  function variable(name: string, at: Place): Value | undefined {
    const known = values.get(name)
    if (known) return known
    const constant = fixed.get(name)
    if (constant !== undefined) return text(constant)
    const attribute = document.attributes.get(name)
    const block = document.variables.get(name)
    if (!attribute && !block) {
      if (name === 'target' || name === 'group') throw new HclError(`${name} is followed by the name of a ${name}`, at)
      return undefined
    }
    if (open.has(name)) throw new CircleError(`the variable "${name}" depends on itself`, at)
    const value = opened(name, () =>
      block && !attribute ? ofBlock(name, block) : ofAttribute(name, attribute!, block),
    )
    values.set(name, value)
    return value
  }

  // A name that is being evaluated; try() goes on after a failure
  function opened<T>(name: string, work: () => T): T {
    open.add(name)
    try {
      return work()
    } finally {
      open.delete(name)
    }
  }

  function ofAttribute(name: string, attribute: Attribute, block: Block | undefined): Value {
    const value = evaluate(attribute.value, scope())
    const override = block && outside(name, false)
    return override ? givenValue(override, undefined, value, attribute.at) : value
  }

  function ofBlock(name: string, block: Block): Value {
    const constraint = attributeOf(block, 'type')?.raw()
    const nothing = constraint?.kind === 'literal' && constraint.value.data === null
    const type = constraint && !nothing ? readType(constraint) : undefined
    if (type) types.set(name, type)
    const fallback = attributeOf(block, 'default')
    const override = outside(name, type !== undefined)
    const value = fallback && typed(evaluate(fallback.value, scope()), type, fallback)
    if (override) return givenValue(override, type, value, block.at)
    return value ?? (type ? nullOf(type) : text(''))
  }

  // NAME_JSON counts where NAME says nothing, and before it when the type is known
  function outside(name: string, favorJson: boolean): GivenValue | undefined {
    const plain = given(name)
    const jsonName = `${name}_JSON`
    const json =
      (plain === undefined || favorJson) && !document.variables.has(jsonName) && !fixed.has(jsonName)
        ? given(jsonName)
        : undefined
    if (json !== undefined) return { text: json, json: true, from: jsonName }
    return plain === undefined ? undefined : { text: plain, json: false, from: name }
  }

  function member(kind: string, name: string, attribute: string | undefined, at: Place): Value | undefined {
    if (kind !== 'target' && kind !== 'group') return undefined
    const instance = instances.get(`${kind} ${name}`)
    if (!instance) throw new HclError(`there is no ${kind} "${name}"`, at)
    const own = (key: string) => attributeOf(instance.block, key) !== undefined
    if (attribute === undefined) {
      const all = kind === 'group' ? GROUP_KEYS : Object.keys(FIELDS).filter((key) => !NEWER.includes(key) || own(key))
      return object([['name', text(name)], ...all.map((key) => [key, shown(instance, key, at)] as const)])
    }
    if (attribute === 'name') return text(name)
    const known = kind === 'target' ? fieldRule(attribute) : GROUP_KEYS.includes(attribute)
    if (!known) throw new HclError(`a ${kind} has no attribute "${attribute}"`, at)
    return shown(instance, attribute, at)
  }

  function shown(instance: Instance, name: string, at: Place): Value {
    const key = `${instance.block.type} ${instance.name} ${name}`
    if (open.has(key)) throw new CircleError(`${instance.block.type}.${instance.name}.${name} depends on itself`, at)
    if (name === 'description' && !attributeOf(instance.block, name)) return text('')
    // Members of a group have no rule: they look like the names a target inherits from
    return fieldValue(name === 'targets' ? 'inherits' : name, field(instance, name))
  }

  function field(instance: Instance, name: string): Field | undefined {
    const known = fields.get(instance) ?? new Map<string, Field | undefined>()
    fields.set(instance, known)
    if (known.has(name)) return known.get(name)
    const attribute = attributeOf(instance.block, name)
    if (!attribute) return undefined
    const key = `${instance.block.type} ${instance.name} ${name}`
    if (open.has(key))
      throw new CircleError(`${instance.block.type}.${instance.name}.${name} depends on itself`, attribute.at)
    const shape = name === 'targets' ? 'texts' : fieldRule(name)!.shape
    const found = opened(key, () =>
      decodeField(shape, evaluate(attribute.value, scope(instance.own)), attribute.value.at),
    )
    known.set(name, found)
    return found
  }

  function listed(name: string, block: Block): BakeVariable {
    const value = variable(name, block.at)!
    const description = attributeOf(block, 'description')
    const said = description
      ? guarded(description.value.at, () => convert(evaluate(description.value, scope()), STRING)).data
      : ''
    const shownOne = shownVariable(name, (said as string | null) ?? '', types.get(name), value)
    return shownOne
  }
}

function typed(value: Value, type: Type | undefined, { at }: Attribute): Value {
  if (!type) return value
  try {
    return convert(value, type)
  } catch (error) {
    if (error instanceof ConvertError) throw new HclError(`the default has the wrong type: ${error.message}`, at)
    throw error
  }
}

/** An attribute of a block by its name. */
export function attributeOf({ body }: Block, name: string): Attribute | undefined {
  return body.attributes.find((attribute) => attribute.name === name)
}

function functionOf(block: Block | undefined, name: string, _at: Place): UserFunction | undefined {
  if (!block) return undefined
  const [params, result, rest] = ['params', 'result', 'variadic_params'].map((each) => attributeOf(block, each))
  if (!params)
    throw new HclError(`the function "${name}" has no params`, block.at, 'Write params = [] when it has none')
  if (!result) throw new HclError(`the function "${name}" has no result`, block.at)
  const list = params.raw()
  if (list.kind !== 'tuple') throw new HclError('params are names in brackets', params.at)
  const parameters = list.items.map(nameOf)
  return { parameters, ...compact({ rest: rest && nameOf(rest.raw()) }), result: result.value }
}

function nameOf(expression: Expression): string {
  if (expression.kind === 'variable') return expression.name
  throw new HclError('the name of a parameter is expected', expression.at)
}

/** Checks the rules of all variables. */
export function validateVariables({ variables }: Document, evaluation: Evaluation): void {
  for (const [name, block] of variables)
    for (const rule of block.body.blocks.filter(({ type }) => type === 'validation')) {
      const condition = attributeOf(rule, 'condition')
      const message = attributeOf(rule, 'error_message')
      if (!condition) throw new HclError('a validation needs a condition', rule.at)
      const decided = evaluate(condition.value, evaluation.scope())
      if (decided.data === null) throw new HclError('the condition is null', condition.value.at)
      if (converted(decided, condition).data) continue
      throw new HclError(`the variable "${name}" is not valid: ${textOf(message, evaluation)}`, condition.value.at)
    }
}

function textOf(message: Attribute | undefined, evaluation: Evaluation): string {
  const said = message && evaluate(message.value, evaluation.scope())
  if (!said || said.data === null) return 'no message'
  return guarded(message.value.at, () => convert(said, STRING)).data as string
}

function converted(value: Value, { value: { at } }: Attribute): Value {
  try {
    return convert(value, BOOL)
  } catch (error) {
    if (error instanceof ConvertError) throw new HclError(`the condition is wrong: ${error.message}`, at)
    throw error
  }
}
