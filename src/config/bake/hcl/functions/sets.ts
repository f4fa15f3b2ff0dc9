import { spendItems } from '../budget.ts'
import { convert, unify } from '../convert.ts'
import { anyOf, FunctionError, type LibraryFunction } from '../function.ts'
import { setOf, type Type } from '../types.ts'
import { bool, isSequence, itemsOf, list, sameValue, set, tuple, type Value } from '../value.ts'

const REST = anyOf('sets')

// Arguments as sets of the one type that all their elements can have
function asSets(given: readonly Value[]): { element: Type; sets: (readonly Value[])[] } {
  if (given.length === 0) throw new FunctionError('at least one set is required')
  const element = unify(
    given.map((value) => (convert(value, setOf({ kind: 'any' })).type as { element: Type }).element),
  )
  if (!element) throw new FunctionError('given sets must all have compatible element types')
  return { element, sets: given.map((value) => itemsOf(convert(value, setOf(element)))) }
}

function has(items: readonly Value[], wanted: Value): boolean {
  return items.some((item) => sameValue(item, wanted))
}

function fold(run: (a: readonly Value[], b: readonly Value[]) => readonly Value[]): LibraryFunction {
  return {
    parameters: [anyOf('first_set')],
    rest: REST,
    run: (given, { budget }) => {
      const { element, sets } = asSets(given)
      spendItems(
        budget,
        sets.reduce((sum, each) => sum + each.length, 0),
      )
      const [first = [], ...rest] = sets
      return set(element, rest.reduce(run, first))
    },
  }
}

function product(given: readonly Value[], spend: (count: number) => void): Value {
  if (given.length < 2) throw new FunctionError('at least two arguments are required')
  if (!given.every(isSequence)) throw new FunctionError('a set or a list is required')
  const total = given.reduce((size, value) => size * itemsOf(value).length, 1)
  spend(total * given.length)
  let rows: (readonly Value[])[] = [[]]
  for (const value of given) rows = rows.flatMap((row) => itemsOf(value).map((item) => [...row, item]))
  const types = given.map((value) =>
    'element' in value.type ? value.type.element : unify(itemsOf(value).map(({ type }) => type)),
  )
  if (types.some((type) => type === undefined))
    throw new FunctionError('all elements of an argument must be of one type')
  const elements = types as Type[]
  const converted = rows.map((row) => tuple(row.map((item, at) => convert(item, elements[at]!))))
  const type: Type = { kind: 'tuple', elements }
  return given.some(({ type: { kind } }) => kind === 'set') ? set(type, converted) : list(type, converted)
}

/** Functions of sets. */
export const SET_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  sethaselement: {
    parameters: [{ name: 'set', type: setOf({ kind: 'any' }) }, anyOf('elem')],
    run: ([given, wanted]) => bool(has(itemsOf(given!), wanted!)),
  },
  setunion: fold((a, b) => [...a, ...b]),
  setintersection: fold((a, b) => a.filter((item) => has(b, item))),
  setsubtract: {
    parameters: [anyOf('a'), anyOf('b')],
    run: (given) => {
      const { element, sets } = asSets(given)
      return set(
        element,
        sets[0]!.filter((item) => !has(sets[1]!, item)),
      )
    },
  },
  setsymmetricdifference: fold((a, b) => [...a.filter((item) => !has(b, item)), ...b.filter((item) => !has(a, item))]),
  setproduct: {
    parameters: [],
    rest: REST,
    run: (given, { budget }) => product(given, (count) => spendItems(budget, count)),
  },
}
