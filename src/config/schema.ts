import { NODE_KEYS, PLATFORM_KEYS, REGISTRY_KEYS, type FileKey } from './file-keys.ts'
import type { Flag } from './flag.ts'
import * as read from './flag-values.ts'
import { FLAGS, type FlagOption } from './flags.ts'
import { flagOf, IMAGE_KEYS, type ImageKey } from './images/keys.ts'
import * as run from './run-values.ts'

/** A part of a JSON Schema (draft 7). */
export type Schema = Readonly<Record<string, unknown>>

/** YAML's numbers and booleans are texts as they are written. */
const TEXT: Schema = { type: ['string', 'number', 'boolean'], minLength: 1 }
const SWITCH: Schema = {
  enum: [true, false, 1, 0, '1', '0', 't', 'T', 'f', 'F', 'true', 'false', 'TRUE', 'FALSE', 'True', 'False'],
}
const WHOLE: Schema = { type: ['integer', 'string'], minimum: 1, pattern: '^0*[1-9][0-9]{0,14}$' }
const SIZE: Schema = {
  type: ['integer', 'string'],
  minimum: 0,
  pattern: '^\\s*[0-9]{1,15}(\\.[0-9]{1,6})? ?([kKmMgGtTpP]([iI]?[bB])?|[bB])?\\s*$',
}
const DURATION: Schema = {
  type: 'string',
  pattern: '^([0-9]{1,6}d|\\+?(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$',
}

/** What texts look like, by the function that reads them; all others take any text. */
const BY_READER: ReadonlyMap<unknown, Schema> = new Map<unknown, Schema>([
  [read.bool, SWITCH],
  [read.positive, WHOLE],
  [read.duration, DURATION],
  [read.size, SIZE],
  [run.shmSize, SIZE],
  [read.progress, { enum: read.PROGRESS_MODES }],
  [run.accel, { enum: run.ACCEL_MODES }],
  [run.network, { enum: ['default', 'private', 'host', 'none'] }],
])

/** The JSON Schema of xbuild.yaml, made of the tables that read it. */
export function fileSchema(): Schema {
  const settings = (Object.keys(FLAGS) as FlagOption[]).flatMap((option) => {
    const flag = FLAGS[option] as Flag<unknown>
    return flag.key === undefined || option === 'store' || option === 'platforms'
      ? []
      : [[flag.key, settingSchema(flag)]]
  })
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'xbuild.yaml',
    description: 'What xbuild builds in this folder, and how',
    ...keys({
      images: said('Images that are built together; what they do not say is as at the top level', {
        type: ['object', 'null'],
        maxProperties: 2000,
        propertyNames: { pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$' },
        additionalProperties: imageSchema(),
      }),
      platforms: platformsSchema(FLAGS.platforms),
      ...Object.fromEntries(settings),
      store: said(FLAGS.store.help, {
        anyOf: [
          TEXT,
          keys({ folder: said(FLAGS.store.help, TEXT), limit: said(FLAGS.storeLimit.help, SIZE) }, ['object']),
        ],
      }),
      registries: said('How registries are reached, by host', {
        type: ['object', 'null'],
        propertyNames: { pattern: '^(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*)(:[0-9]{1,5})?$' },
        additionalProperties: keys(shapes(REGISTRY_KEYS)),
      }),
      nodes: said('Machines to build on, by name', {
        type: ['object', 'null'],
        propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$', not: { const: 'local' } },
        additionalProperties: { anyOf: [TEXT, { ...keys(shapes(NODE_KEYS), ['object']), required: ['endpoint'] }] },
      }),
    }),
  }
}

function imageSchema(): Schema {
  const entries = Object.entries(IMAGE_KEYS).map(([name, key]) => [name, keySchema(name, key)] as const)
  return {
    ...keys(Object.fromEntries(entries)),
    not: { type: 'object', required: ['dockerfile', 'dockerfile-inline'] },
  }
}

function keySchema(name: string, key: ImageKey): Schema {
  const flag = flagOf(key)
  const help = key.help ?? helpOf(flag!)
  if (name === 'platforms') return { ...platformsSchema(flag!), description: help }
  switch (key.shape) {
    case 'text':
    case 'switch':
    case 'provenance':
      return said(help, textSchema(flag))
    case 'texts':
      return said(help, list(textSchema(flag)))
    case 'pairs':
      return said(help, pairs(key.option !== 'buildContexts'))
    case 'hosts':
      return said(help, pairs(false))
  }
}

function settingSchema(flag: Flag<unknown>): Schema {
  const text = textSchema(flag)
  return said(helpOf(flag), flag.merge ? pairs(flag !== FLAGS.buildContexts) : flag.repeat ? list(text) : text)
}

function platformsSchema(flag: Flag<unknown>): Schema {
  const each = keys(shapes(PLATFORM_KEYS))
  return said(helpOf(flag), {
    anyOf: [...(list(TEXT)['anyOf'] as Schema[]), { type: 'object', additionalProperties: each }],
  })
}

function textSchema(flag: Flag<unknown> | undefined): Schema {
  return BY_READER.get(flag?.parse) ?? TEXT
}

/** Of a small table of keys. */
function shapes(table: Readonly<Record<string, FileKey>>): Record<string, Schema> {
  const shape = {
    text: TEXT,
    texts: list(TEXT),
    switch: SWITCH,
    whole: WHOLE,
    duration: DURATION,
    args: pairs(true, []),
    base: pairs(false, []),
  }
  return Object.fromEntries(Object.entries(table).map(([key, { help, kind }]) => [key, said(help, shape[kind])]))
}

function list(item: Schema): Schema {
  return { anyOf: [item, { type: 'array', items: item }] }
}

/** Names and values; `alone`: a name may have none. */
function pairs(alone: boolean, more: readonly Schema[] = [TEXT]): Schema {
  const value = {
    type: ['string', 'number', 'boolean', ...(alone ? ['null'] : [])],
    ...(alone ? {} : { minLength: 1 }),
  }
  return { anyOf: [...more, { type: 'array', items: TEXT }, { type: 'object', additionalProperties: value }] }
}

function keys(properties: Readonly<Record<string, Schema>>, type: readonly string[] = ['object', 'null']): Schema {
  return { type: type.length === 1 ? type[0] : type, additionalProperties: false, properties }
}

function said(description: string, schema: Schema): Schema {
  return { description, ...schema }
}

function helpOf({ help, default: otherwise }: Flag<unknown>): string {
  return otherwise === undefined ? help : `${help} (default: ${otherwise})`
}
