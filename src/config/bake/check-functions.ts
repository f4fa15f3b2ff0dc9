import { suggestionHint } from '../../did-you-mean.ts'
import type { Document } from './document.ts'
import type { Expression, Place } from './hcl/ast.ts'
import { HclError } from './hcl/error.ts'
import type { UserFunction } from './hcl/scope.ts'

/** What functions of bake files may name. */
export interface KnownNames {
  readonly variables: ReadonlySet<string>
  /** Functions that need no file. */
  readonly library: ReadonlySet<string>
  readonly userFunction: (name: string, at: Place) => UserFunction | undefined
}

// Below it evaluation ends with an error
const MAX_DEPTH = 500

/** Told what an expression names that is not its own. */
interface Visitor {
  readonly variable: (name: string, at: Place) => void
  readonly call: (name: string, at: Place) => void
}

/**
 * Functions name only what there is, and none calls itself, also those that nobody calls: as in buildx. Targets and
 * groups are nothing that a function sees.
 */
export function checkFunctions({ functions }: Document, known: KnownNames): void {
  const callees = new Map<string, readonly (readonly [name: string, at: Place])[]>()
  for (const [name, { at }] of functions) callees.set(name, checkBody(name, at))
  const done = new Set<string>()
  const open = new Set<string>()
  for (const name of functions.keys()) checkCircle(name)

  function checkBody(name: string, place: Place): readonly (readonly [string, Place])[] {
    const { parameters, rest, result } = known.userFunction(name, place)!
    const own = new Set([...parameters, ...(rest === undefined ? [] : [rest])])
    const calls: (readonly [string, Place])[] = []
    visit(result, own, 0, {
      variable: (variable, at) => {
        if (!known.variables.has(variable))
          throw new HclError(
            `there is no variable "${variable}"`,
            at,
            suggestionHint(variable, [...own, ...known.variables]),
          )
      },
      call: (callee, at) => {
        if (known.library.has(callee)) return
        if (!functions.has(callee))
          throw new HclError(
            `there is no function "${callee}"`,
            at,
            suggestionHint(callee, [...known.library, ...functions.keys()]),
          )
        calls.push([callee, at])
      },
    })
    return calls
  }

  function checkCircle(name: string): void {
    if (done.has(name) || open.size > MAX_DEPTH) return
    open.add(name)
    for (const [callee, at] of callees.get(name)!) {
      if (open.has(callee)) throw new HclError(`the function "${callee}" calls itself`, at)
      checkCircle(callee)
    }
    open.delete(name)
    done.add(name)
  }
}

function visit(expression: Expression, own: ReadonlySet<string>, depth: number, visitor: Visitor): void {
  if (depth > MAX_DEPTH) return
  const inner = (each: Expression) => visit(each, own, depth + 1, visitor)
  switch (expression.kind) {
    case 'literal':
    case 'item':
      return
    case 'template':
      return expression.parts.forEach(inner)
    case 'wrap':
    case 'parens':
      return inner(expression.inner)
    case 'variable':
      if (!own.has(expression.name)) visitor.variable(expression.name, expression.at)
      return
    case 'join':
    case 'attribute':
    case 'unary':
      return inner(expression.of)
    case 'index':
      return [expression.of, expression.key].forEach(inner)
    case 'splat':
      return [expression.of, expression.each].forEach(inner)
    case 'call':
      visitor.call(expression.name, expression.at)
      // The second argument is a type
      return (expression.name === 'convert' ? expression.arguments.slice(0, 1) : expression.arguments).forEach(inner)
    case 'conditional':
      return [expression.condition, expression.yes, expression.no].forEach(inner)
    case 'for': {
      inner(expression.of)
      const { keyName = expression.valueName, valueName, key, value, condition } = expression
      const more = new Set([...own, keyName, valueName])
      for (const each of [key, value, condition]) if (each) visit(each, more, depth + 1, visitor)
      return
    }
    case 'tuple':
      return expression.items.forEach(inner)
    case 'object':
      return expression.items.flatMap(({ key, value }) => [key, value]).forEach(inner)
    case 'binary':
      return [expression.left, expression.right].forEach(inner)
  }
}
