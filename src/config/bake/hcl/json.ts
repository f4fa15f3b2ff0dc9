import type { Attribute, Block, Body, Expression, Place } from './ast.ts'
import { parseTemplateText, parseWhole } from './body.ts'
import { type Cursor, deeper, expect, failure, here, openCursor, sees, take, takeMatch } from './cursor.ts'
import { HclError } from './error.ts'
import { parseNum } from './number.ts'
import { FALSE, NULL, number, TRUE } from './value.ts'

/** A value of JSON with its place; the members of an object in order, repeated names too. */
export type Json =
  | { readonly kind: 'literal'; readonly at: Place; readonly value: Expression }
  | { readonly kind: 'string'; readonly at: Place; readonly text: string; readonly open: () => Cursor }
  | { readonly kind: 'array'; readonly at: Place; readonly items: readonly Json[] }
  | { readonly kind: 'object'; readonly at: Place; readonly members: readonly Member[] }

interface Member {
  readonly key: Extract<Json, { kind: 'string' }>
  readonly value: Json
}

/** How many labels the blocks of a body have, by their type; what is not named is an attribute. */
export type BlockTypes = Readonly<Record<string, { readonly labels: number; readonly blocks: BlockTypes }>>

/** A file in HCL's JSON syntax: the same body as in its own syntax. */
export function parseJson(file: string, source: string, types: BlockTypes): Body {
  const cursor = openCursor(file, source.replace(/^\uFEFF/, ''))
  const root = readValue(cursor)
  blank(cursor)
  if (cursor.offset < cursor.source.length) throw failure(cursor, 'the end of the file is expected')
  if (root.kind === 'array') throw new HclError('an object is expected at the top of the file', root.at)
  return bodyOf(root, types)
}

function bodyOf(json: Json, types: BlockTypes): Body {
  const attributes: Attribute[] = []
  const blocks: Block[] = []
  for (const { key, value } of objectsOf(json).flatMap(({ members }) => members)) {
    const type = Object.hasOwn(types, key.text) ? types[key.text] : undefined
    if (type) blocks.push(...blocksOf(key.text, value, type.labels, [], type.blocks))
    else if (key.text !== '//') {
      const before = attributes.find(({ name }) => name === key.text)
      if (before) throw new HclError(`"${key.text}" is already set at line ${before.at.line}`, key.at)
      attributes.push({ name: key.text, at: key.at, value: expressionOf(value), raw: () => rawOf(value) })
    }
  }
  return { at: json.at, attributes, blocks }
}

function blocksOf(type: string, json: Json, left: number, labels: readonly string[], inner: BlockTypes): Block[] {
  if (json.kind === 'literal' && json.value.kind === 'literal' && json.value.value.data === null) return []
  if (left > 0)
    return objectsOf(json).flatMap(({ members }) =>
      members.flatMap(({ key, value }) =>
        key.text === '//'
          ? []
          : blocksOf(type, value, left - 1, [...labels, key.text], inner).map((block) => ({ ...block, at: key.at })),
      ),
    )
  return objectsOf(json).map((object) => ({ type, labels, at: object.at, body: bodyOf(object, inner) }))
}

function objectsOf(json: Json): Extract<Json, { kind: 'object' }>[] {
  if (json.kind === 'object') return [json]
  if (json.kind === 'array') return json.items.flatMap(objectsOf)
  throw new HclError('an object or an array of objects is expected', json.at)
}

function expressionOf(json: Json): Expression {
  switch (json.kind) {
    case 'literal':
      return json.value
    case 'string':
      return parseTemplateText(json.open())
    case 'array':
      return { kind: 'tuple', at: json.at, items: json.items.map(expressionOf) }
    case 'object':
      return {
        kind: 'object',
        at: json.at,
        items: json.members.map(({ key, value }) => ({ key: expressionOf(key), value: expressionOf(value) })),
      }
  }
}

function rawOf(json: Json): Expression {
  if (json.kind === 'string') return parseWhole(json.open())
  if (json.kind === 'array') return { kind: 'tuple', at: json.at, items: json.items.map(rawOf) }
  return expressionOf(json)
}

function readValue(cursor: Cursor): Json {
  return deeper(cursor, () => {
    blank(cursor)
    const at = here(cursor)
    if (take(cursor, '{')) return { kind: 'object', at, members: readMembers(cursor) }
    if (take(cursor, '[')) return { kind: 'array', at, items: readItems(cursor) }
    if (sees(cursor, '"')) return readString(cursor)
    for (const [word, value] of [
      ['true', TRUE],
      ['false', FALSE],
      ['null', NULL],
    ] as const)
      if (take(cursor, word)) return { kind: 'literal', at, value: { kind: 'literal', at, value } }
    const digits = takeMatch(cursor, /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/)
    if (digits === undefined) throw failure(cursor, 'a value of JSON is expected')
    return { kind: 'literal', at, value: { kind: 'literal', at, value: number(parseNum(digits)!) } }
  })
}

function readMembers(cursor: Cursor): Member[] {
  const members: Member[] = []
  blank(cursor)
  if (take(cursor, '}')) return members
  for (;;) {
    blank(cursor)
    if (!sees(cursor, '"')) throw failure(cursor, 'the name of a member in quotes is expected')
    const key = readString(cursor)
    blank(cursor)
    expect(cursor, ':', 'a ":"')
    members.push({ key, value: readValue(cursor) })
    blank(cursor)
    if (take(cursor, '}')) return members
    expect(cursor, ',', 'a "," or "}"')
  }
}

function readItems(cursor: Cursor): Json[] {
  const items: Json[] = []
  blank(cursor)
  if (take(cursor, ']')) return items
  for (;;) {
    items.push(readValue(cursor))
    blank(cursor)
    if (take(cursor, ']')) return items
    expect(cursor, ',', 'a "," or "]"')
  }
}

function readString(cursor: Cursor): Extract<Json, { kind: 'string' }> {
  const at = here(cursor)
  const start = cursor.offset
  const quoted = takeMatch(cursor, /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/)
  if (quoted === undefined) throw failure(cursor, 'this text of JSON has no end, a control character or a wrong escape')
  const value = (JSON.parse(quoted) as string).normalize('NFC')
  // Without escapes each character has its own place
  const placeAt = quoted.includes('\\') ? () => at : (offset: number) => cursor.placeAt(start + 1 + offset)
  return {
    kind: 'string',
    at,
    text: value,
    open: () => ({ source: value, offset: 0, newlines: true, depth: cursor.depth, placeAt }),
  }
}

function blank(cursor: Cursor): void {
  takeMatch(cursor, /[ \t\r\n]+/)
}
