import type { Value } from './value.ts'

/** A place in a bake file; lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Names of the operators with two sides. */
export type BinaryOperator = '||' | '&&' | '==' | '!=' | '<' | '>' | '<=' | '>=' | '+' | '-' | '*' | '/' | '%'

/** A `for` expression: a tuple, or an object when it has a key. */
export interface ForExpression {
  readonly kind: 'for'
  readonly at: Place
  readonly keyName?: string
  readonly valueName: string
  readonly of: Expression
  readonly key?: Expression
  readonly value: Expression
  readonly condition?: Expression
  /** `...`: values of the same key become a tuple. */
  readonly group: boolean
}

/** An expression of HCL. `item` is the element that a splat looks at; `join` puts the texts of a tuple together. */
export type Expression =
  | { readonly kind: 'literal'; readonly at: Place; readonly value: Value }
  | { readonly kind: 'template'; readonly at: Place; readonly parts: readonly Expression[] }
  | { readonly kind: 'wrap' | 'parens'; readonly at: Place; readonly inner: Expression }
  | { readonly kind: 'join'; readonly at: Place; readonly of: ForExpression }
  | { readonly kind: 'variable'; readonly at: Place; readonly name: string }
  | { readonly kind: 'item'; readonly at: Place }
  | { readonly kind: 'attribute'; readonly at: Place; readonly of: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly at: Place; readonly of: Expression; readonly key: Expression }
  | { readonly kind: 'splat'; readonly at: Place; readonly of: Expression; readonly each: Expression }
  | {
      readonly kind: 'call'
      readonly at: Place
      readonly name: string
      readonly arguments: readonly Expression[]
      readonly expand: boolean
    }
  | {
      readonly kind: 'conditional'
      readonly at: Place
      readonly condition: Expression
      readonly yes: Expression
      readonly no: Expression
    }
  | ForExpression
  | { readonly kind: 'tuple'; readonly at: Place; readonly items: readonly Expression[] }
  | { readonly kind: 'object'; readonly at: Place; readonly items: readonly ObjectItem[] }
  | {
      readonly kind: 'binary'
      readonly at: Place
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly kind: 'unary'; readonly at: Place; readonly operator: '-' | '!'; readonly of: Expression }

/** A key and its value in an object. */
export interface ObjectItem {
  readonly key: Expression
  readonly value: Expression
}

/** `name = expression`. */
export interface Attribute {
  readonly name: string
  readonly at: Place
  readonly value: Expression
  /** The value as a type, a parameter list and the like: the same, but a text of JSON is read as an expression. */
  readonly raw: () => Expression
}

/** `type "label" { ... }`. */
export interface Block {
  readonly type: string
  readonly labels: readonly string[]
  readonly at: Place
  readonly body: Body
}

/** What stands in a file or a block, in order. */
export interface Body {
  readonly at: Place
  readonly attributes: readonly Attribute[]
  readonly blocks: readonly Block[]
}
