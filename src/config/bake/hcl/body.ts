import type { Attribute, Block, Body, Expression } from './ast.ts'
import {
  type Cursor,
  deeper,
  expect,
  failure,
  here,
  next,
  openCursor,
  sees,
  skip,
  skipLines,
  take,
  takeName,
  withNewlines,
} from './cursor.ts'
import { HclError } from './error.ts'
import { readExpression } from './expression.ts'
import { readTemplate } from './template.ts'

/** A file in HCL's own syntax. */
export function parseHcl(file: string, source: string): Body {
  const cursor = openCursor(file, source.replace(/^\uFEFF/, ''))
  const body = readBody(cursor, false)
  if (cursor.offset < cursor.source.length)
    throw failure(cursor, `an attribute or a block is expected, not ${next(cursor)}`)
  return body
}

/** A text that is an expression by itself, such as a type in JSON. `cursor` knows its place in the file. */
export function parseWhole(cursor: Cursor): Expression {
  const found = withNewlines(cursor, false, () => readExpression(cursor))
  withNewlines(cursor, false, () => skip(cursor))
  if (cursor.offset < cursor.source.length) throw failure(cursor, `the end is expected, not ${next(cursor)}`)
  return found
}

/** A text that is a template by itself, as all texts in JSON are. */
export function parseTemplateText(cursor: Cursor): Expression {
  return readTemplate(cursor, 'end', readExpression)
}

function readBody(cursor: Cursor, inBlock: boolean): Body {
  const at = here(cursor)
  const attributes: Attribute[] = []
  const blocks: Block[] = []
  for (;;) {
    skipLines(cursor)
    if (cursor.offset >= cursor.source.length || (inBlock && sees(cursor, '}'))) return { at, attributes, blocks }
    const place = here(cursor)
    const name = takeName(cursor)
    if (name === undefined) throw failure(cursor, `an attribute or a block is expected, not ${next(cursor)}`)
    skip(cursor)
    if (sees(cursor, '=') && !sees(cursor, '==')) {
      cursor.offset += 1
      const value = readExpression(cursor)
      const before = attributes.find((attribute) => attribute.name === name)
      if (before) throw new HclError(`"${name}" is already set at line ${before.at.line}`, place)
      attributes.push({ name, at: place, value, raw: () => value })
    } else blocks.push(deeper(cursor, () => readBlock(cursor, name, place)))
    endLine(cursor, inBlock)
  }
}

function endLine(cursor: Cursor, inBlock: boolean): void {
  skip(cursor)
  if (cursor.offset >= cursor.source.length || sees(cursor, '\n')) return
  if (inBlock && sees(cursor, '}')) return
  throw failure(cursor, `the end of the line is expected, not ${next(cursor)}`)
}

function readBlock(cursor: Cursor, type: string, at: Block['at']): Block {
  const labels: string[] = []
  for (;;) {
    skip(cursor)
    if (take(cursor, '{')) break
    if (take(cursor, '"')) {
      const label = readTemplate(cursor, 'quote', readExpression)
      if (label.kind !== 'literal' || typeof label.value.data !== 'string')
        throw new HclError('a label cannot contain an expression', label.at)
      expect(cursor, '"', 'a closing quote')
      labels.push(label.value.data)
      continue
    }
    const name = takeName(cursor)
    if (name === undefined)
      throw failure(cursor, `"=", a label or "{" is expected after "${type}", not ${next(cursor)}`)
    labels.push(name)
  }
  const body = withNewlines(cursor, true, () => readBody(cursor, true))
  const inner = body.blocks[0]
  if (inner && here(cursor).line === at.line)
    throw new HclError(`the block "${inner.type}" needs a line of its own within "${type}"`, inner.at)
  expect(cursor, '}', `the "}" of the block at line ${at.line}`)
  return { type, labels, at, body }
}
