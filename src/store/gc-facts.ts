import { lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import { MAX_MANIFEST_BYTES } from '../oci/read-manifest.ts'
import type { StoreFolder } from './folder.ts'
import { readPacks } from './gc-packs.ts'
import type { ItemType, StoreItem } from './gc-plan.ts'
import { LOST } from './durable.ts'
import { goneProcesses } from './leftovers.ts'
import { kindFacts } from './record-kinds.ts'
import { beganAt, PINNED_FOR, RUN_ID, runsFolder } from './runs/run-folder.ts'

/** A thing in the store and the file or folder that it is. */
export interface StoredItem extends StoreItem {
  readonly path: string
}

/** The empty folder that an image from scratch is mounted over. */
const EMPTY_SNAPSHOT = 'empty'
const TEMPORARY = /^\.tmp-/

interface Found {
  readonly path: string
  readonly name: string
  readonly stat: Stats
}

interface ReadRecord extends Found {
  readonly kind: string
  readonly key: string
  readonly value: unknown
}

/**
 * Everything in a store, read without changing anything. The size of a snapshot that was never measured is 0: see
 * `unmeasured`.
 */
export function readStore(folder: StoreFolder): StoredItem[] {
  const blobs = listFiles(folder.blobs)
  const snapshots = listFolder(folder.snapshots).filter(({ name }) => name !== EMPTY_SNAPSHOT && !name.startsWith(LOST))
  const { records, leftovers } = readRecords(folder)
  const names = indexOf(blobs, snapshots, records)
  const sizes = new Map(
    records.filter(({ kind }) => kind === 'sizes').map(({ value }) => [text(value, 'of'), number(value, 'bytes')]),
  )
  const contents = new Map<string, readonly string[]>()

  const items: StoredItem[] = []
  for (const record of records) {
    if (kindFacts(record.kind).hidden) continue
    const { strings, documents } = mentionsOf(record.value, kindFacts(record.kind).follows ? 'of' : undefined)
    readDocuments(documents)
    items.push({ ...recordItem(record), needs: resolve(strings, `${record.kind}/${record.key}`) })
  }
  for (const blob of blobs.filter(({ name }) => !TEMPORARY.test(name))) {
    const facts = [`origins/${blob.name}`, `givers/${blob.name}`]
    const needs = [...resolve(contents.get(`sha256:${blob.name}`) ?? [], `blobs/${blob.name}`), ...facts]
    items.push({
      ...itemOf(`blobs/${blob.name}`, 'blob', blob),
      needs,
      follows: true,
      ...(blob.stat.nlink > 1 ? { linked: true } : {}),
    })
  }
  for (const snapshot of snapshots) {
    const needs = resolve([`size ${snapshot.name}`], '')
    items.push({
      ...itemOf(`snapshots/${snapshot.name}`, 'snapshot', snapshot),
      size: sizes.get(snapshot.name) ?? 0,
      needs,
      follows: true,
    })
  }
  items.push(...readPacks(folder.root, goneProcesses(folder)))
  for (const run of listFolder(runsFolder(folder)).filter(({ stat }) => stat.isDirectory())) items.push(runItem(run))
  for (const part of listFiles(folder.ingest)) items.push(itemOf(`ingest/${part.name}`, 'download', part))
  for (const left of [...leftovers, ...blobs.filter(({ name }) => TEMPORARY.test(name))])
    items.push(itemOf(`temporary/${left.name}`, 'temporary', left))
  return items

  /** What indexes and manifests among the blobs name, and so on down. */
  function readDocuments(digests: readonly string[]): void {
    const queue = [...digests]
    for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
      const blob = names.get(digest)?.find((id) => id.startsWith('blobs/'))
      if (contents.has(digest) || blob === undefined) continue
      const { strings, documents } = mentionsOf(
        parseFile(join(folder.blobs, blob.slice('blobs/'.length)), MAX_MANIFEST_BYTES),
      )
      contents.set(digest, strings)
      queue.push(...documents)
    }
  }

  function resolve(strings: readonly string[], self: string): string[] {
    return [...new Set(strings.flatMap((name) => names.get(name) ?? []))].filter((id) => id !== self)
  }
}

/** Snapshots whose size is not known yet. */
export function unmeasured(items: readonly StoredItem[]): string[] {
  const known = new Set(
    items.flatMap(({ id, needs }) =>
      id.startsWith('snapshots/') && needs.some((need) => need.startsWith('sizes/')) ? [id] : [],
    ),
  )
  return items
    .filter(({ type, id }) => type === 'snapshot' && !known.has(id))
    .map(({ id }) => id.slice('snapshots/'.length))
}

/** By what texts records name things: digests, snapshot ids, keys of other records. */
function indexOf(
  blobs: readonly Found[],
  snapshots: readonly Found[],
  records: readonly ReadRecord[],
): Map<string, string[]> {
  const names = new Map<string, string[]>()
  const add = (name: string, id: string) => void names.set(name, [...(names.get(name) ?? []), id])
  for (const { name } of blobs)
    for (const digest of [name, `${name.length > 64 ? 'sha512' : 'sha256'}:${name}`]) add(digest, `blobs/${name}`)
  for (const { name } of snapshots) add(name, `snapshots/${name}`)
  for (const { kind, key, value } of records) {
    if (kind === 'packs') add(text(value, 'of'), `packs/${key}`)
    else if (kind === 'sizes') add(`size ${text(value, 'of')}`, `sizes/${key}`)
    else if (kind === 'steps' || kind === 'bases') add(key, `${kind}/${key}`)
  }
  names.delete('')
  return names
}

/** What a JSON value says. */
interface Mentions {
  /** Every text in it: each may be a name. */
  readonly strings: readonly string[]
  /** Digests of the indexes and manifests that it describes. */
  readonly documents: readonly string[]
}

/** Reads a value of any depth. `skip` is a field that does not count: what a pack was made of is not what it needs. */
function mentionsOf(value: unknown, skip?: string): Mentions {
  const strings: string[] = []
  const documents: string[] = []
  const queue: unknown[] = [value]
  while (queue.length > 0) {
    const next = queue.pop()
    if (typeof next === 'string') strings.push(next)
    if (typeof next !== 'object' || next === null) continue
    for (const [name, inner] of Object.entries(next)) if (name !== skip) queue.push(inner)
    const { mediaType, digest } = next as { mediaType?: unknown; digest?: unknown }
    if (
      typeof mediaType === 'string' &&
      typeof digest === 'string' &&
      (isIndexType(mediaType) || isManifestType(mediaType))
    )
      documents.push(digest)
  }
  return { strings, documents }
}

function recordItem(record: ReadRecord): StoredItem {
  const { kind, key, value } = record
  const { type: known, follows } = kindFacts(kind)
  const type = known ?? 'record'
  const tag = text(value, 'tag')
  const named = tag || text(value, 'name')
  const item = itemOf(`${kind}/${key}`, type, record)
  const created = Date.parse(text(value, 'created'))
  return {
    ...item,
    ...(Number.isNaN(created) ? {} : { created }),
    description: named || (kind === 'images' ? '<none>' : known ? '' : kind),
    ...compact({ follows }),
    ...((kind === 'images' && tag !== '') || (kind === 'publications' && number(value, 'until') > Date.now())
      ? { pinned: true }
      : {}),
  }
}

/** What is told of a run stays for some days, unless everything is to go. */
function runItem(run: Found): StoredItem {
  const size = listFiles(run.path).reduce((sum, { stat }) => sum + stat.size, 0)
  const isNew = RUN_ID.test(run.name) && beganAt(run.name) > Date.now() - PINNED_FOR
  return {
    ...itemOf(`runs/${run.name}`, 'run', run),
    size,
    description: `history of ${run.name}`,
    ...(isNew ? { pinned: true } : {}),
  }
}

function itemOf(id: string, type: ItemType, { path, stat }: Found): StoredItem {
  const made = stat.birthtimeMs > 0 ? stat.birthtimeMs : stat.ctimeMs
  // The time of a blob is a seal (see blobs.ts), that of a snapshot belongs to its image
  const used = type === 'blob' || type === 'snapshot' ? made : stat.mtimeMs
  return { id, type, size: stat.size, created: made, used, needs: [], description: '', path }
}

function readRecords(folder: StoreFolder): { records: ReadRecord[]; leftovers: Found[] } {
  const records: ReadRecord[] = []
  const leftovers: Found[] = []
  for (const kind of listFolder(folder.records).filter(({ stat }) => stat.isDirectory())) {
    for (const shard of listFolder(kind.path).filter(({ stat }) => stat.isDirectory())) {
      for (const file of listFiles(shard.path)) {
        if (TEMPORARY.test(file.name)) leftovers.push(file)
        else if (file.name.endsWith('.json')) {
          const value = kind.name === 'files' ? undefined : parseFile(file.path, MAX_MANIFEST_BYTES)
          records.push({ ...file, kind: kind.name, key: file.name.slice(0, -'.json'.length), value })
        }
      }
    }
  }
  return { records, leftovers }
}

function parseFile(path: string, maxBytes: number): unknown {
  try {
    return lstatSync(path).size > maxBytes ? undefined : JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined // damaged or just removed: it names nothing
  }
}

function listFiles(folder: string): Found[] {
  return listFolder(folder).filter(({ stat }) => stat.isFile())
}

function listFolder(folder: string): Found[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const path = join(folder, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    return stat ? [{ path, name, stat }] : []
  })
}

function text(value: unknown, field: string): string {
  const inner = (value as Record<string, unknown> | undefined | null)?.[field]
  return typeof inner === 'string' ? inner : ''
}

function number(value: unknown, field: string): number {
  const inner = (value as Record<string, unknown> | undefined | null)?.[field]
  return typeof inner === 'number' && Number.isSafeInteger(inner) && inner >= 0 ? inner : 0
}
