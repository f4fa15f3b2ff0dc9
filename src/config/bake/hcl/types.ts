/** A type of HCL's values. `any` is the type of an untyped null, and what "any" means in a type constraint. */
export type Type =
  | { readonly kind: 'string' | 'number' | 'bool' | 'any' }
  | { readonly kind: 'list' | 'set' | 'map'; readonly element: Type }
  | { readonly kind: 'tuple'; readonly elements: readonly Type[] }
  | { readonly kind: 'object'; readonly attributes: ReadonlyMap<string, Type>; readonly optional?: ReadonlySet<string> }

/** The type of texts. */
export const STRING: Type = { kind: 'string' }
/** The type of numbers. */
export const NUMBER: Type = { kind: 'number' }
/** The type of true and false. */
export const BOOL: Type = { kind: 'bool' }
/** Not known, or not limited. */
export const ANY: Type = { kind: 'any' }

/** A list of one type. */
export function listOf(element: Type): Type {
  return { kind: 'list', element }
}

/** A set of one type. */
export function setOf(element: Type): Type {
  return { kind: 'set', element }
}

/** A map from texts to one type. */
export function mapOf(element: Type): Type {
  return { kind: 'map', element }
}

/** Whether a type has no parts. */
export function isPrimitive(type: Type): boolean {
  return type.kind === 'string' || type.kind === 'number' || type.kind === 'bool'
}

/** Whether two types are the same. */
export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true
  if (a.kind === 'tuple' && b.kind === 'tuple')
    return a.elements.length === b.elements.length && a.elements.every((type, at) => sameType(type, b.elements[at]!))
  if (a.kind === 'object' && b.kind === 'object')
    return (
      a.attributes.size === b.attributes.size &&
      [...a.attributes].every(([name, type]) => {
        const other = b.attributes.get(name)
        return other !== undefined && sameType(type, other)
      })
    )
  if ('element' in a && 'element' in b) return a.kind === b.kind && sameType(a.element, b.element)
  return a.kind === b.kind && !('element' in a) && a.kind !== 'tuple' && a.kind !== 'object'
}

/** Whether a type has a part that is not known. */
export function hasAny(type: Type): boolean {
  if (type.kind === 'any') return true
  if ('element' in type) return hasAny(type.element)
  if (type.kind === 'tuple') return type.elements.some(hasAny)
  return type.kind === 'object' && [...type.attributes.values()].some(hasAny)
}

/** A type as messages and lists of variables name it. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case 'any':
      return 'any type'
    case 'list':
    case 'set':
    case 'map':
      return `${type.kind} of ${typeName(type.element)}`
    default:
      return type.kind
  }
}
