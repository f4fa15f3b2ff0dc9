import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { sinceFirst } from './case.ts'

/**
 * What is compared of an image: one line of text per thing, by the thing's name (`config.Env`, `history[2]`,
 * `/etc/passwd`).
 */
export type Image = Readonly<Record<string, string>>

/** What a builder made of a case. */
export type Outcome =
  | { readonly built: true; readonly image: Image }
  | { readonly built: false; readonly output: string }

interface Entry {
  readonly type: string
  readonly mode: number
  readonly owner: string
  readonly mtime: number
  readonly detail: string
  /** Other names of the same file share this object. */
  readonly inode: { readonly names: Set<string> }
}

/**
 * Reads the only image of an OCI layout folder; `first` is when the case's time starts. Independent of xbuild's own
 * readers.
 */
export async function readImage(layout: string, first: number): Promise<Image> {
  const blob = (digest: string) => join(layout, 'blobs', ...digest.split(':'))
  const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
  let manifest = json(join(layout, 'index.json'))
  while (manifest.manifests) manifest = json(blob(manifest.manifests[0].digest))
  const config = json(blob(manifest.config.digest))
  const tree = new Map<string, Entry>()
  for (const { digest, mediaType } of manifest.layers ?? [])
    await applyLayer(tree, blob(digest), String(mediaType).endsWith('gzip'))
  return { ...describeConfig(config, manifest.layers?.length ?? 0), ...describeTree(tree, first) }
}

function describeConfig(
  { config = {}, history = [], rootfs, architecture, os, variant, author }: Record<string, any>,
  layers: number,
): Record<string, string> {
  const lines: Record<string, string> = { platform: [os, architecture, variant].filter(Boolean).join('/') }
  if (author) lines['author'] = author
  for (const [key, value] of Object.entries(config)) lines[`config.${key}`] = JSON.stringify(inOrder(value))
  for (const [index, { created_by, comment, empty_layer, author: by }] of history.entries()) {
    lines[`history[${index}]`] = JSON.stringify({ created_by, comment, empty_layer, author: by })
  }
  const told = history.filter((entry: { empty_layer?: boolean }) => !entry.empty_layer).length
  const diffIds = rootfs.diff_ids?.length ?? 0
  // Any tool counts layers by history
  if (told !== layers || diffIds !== layers)
    lines['layers'] = `${layers} layers, ${diffIds} diff ids, ${told} in history`
  return lines
}

/** The order of names in a JSON object means nothing. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function describeTree(tree: Map<string, Entry>, first: number): Record<string, string> {
  const lines: Record<string, string> = {}
  for (const [path, { type, mode, owner, mtime, detail, inode }] of tree) {
    const names = [...inode.names].sort()
    const others = names.length > 1 ? ` = ${names.join(' ')}` : ''
    const time = sinceFirst(mtime, first)
    lines[`/${path}`] = `${type} ${mode.toString(8)} ${owner}${detail}${others}${time === undefined ? '' : ` @${time}`}`
  }
  return lines
}

async function applyLayer(tree: Map<string, Entry>, file: string, gzip: boolean): Promise<void> {
  const reader = extract()
  const done = gzip
    ? pipeline(createReadStream(file), createGunzip(), reader)
    : pipeline(createReadStream(file), reader)
  // What a whiteout hides lies below this layer, wherever the whiteout stands in it
  const own = new Map<string, Entry>()
  for await (const member of reader) {
    const chunks: Buffer[] = []
    for await (const chunk of member) chunks.push(chunk as Buffer)
    addMember(tree, own, member.header, Buffer.concat(chunks))
  }
  await done
  for (const [path, entry] of own) {
    if (entry.type !== 'directory') removeBelow(tree, path)
    tree.get(path)?.inode.names.delete(path)
    tree.set(path, entry)
  }
}

function addMember(tree: Map<string, Entry>, own: Map<string, Entry>, header: Header, content: Buffer): void {
  const path = clean(header.name)
  const at = path.lastIndexOf('/') + 1
  const name = path.slice(at)
  if (path === '') return
  if (name === '.wh..wh..opq') return removeBelow(tree, path.slice(0, Math.max(0, at - 1)))
  if (name.startsWith('.wh.')) {
    const gone = path.slice(0, at) + name.slice(4)
    tree.get(gone)?.inode.names.delete(gone)
    tree.delete(gone)
    return removeBelow(tree, gone)
  }
  if (header.type === 'link') {
    const target = clean(header.linkname ?? '')
    const source = own.get(target) ?? tree.get(target)
    if (!source) throw new Error(`${path} links to ${target}, which is not there`)
    source.inode.names.add(path)
    own.set(path, source)
    return
  }
  own.get(path)?.inode.names.delete(path)
  own.set(path, entryOf(header, content, path))
}

function entryOf(header: Header, content: Buffer, path: string): Entry {
  const pax = (header.pax ?? {}) as Readonly<Record<string, string>>
  const xattrs = Object.entries(pax)
    .filter(([key]) => key.startsWith('SCHILY.xattr.'))
    .map(([key, value]) => ` ${key.slice(13)}=${JSON.stringify(value)}`)
  const device = header.type?.endsWith('device') ? ` ${header.devmajor}:${header.devminor}` : ''
  const detail =
    header.type === 'symlink'
      ? ` -> ${header.linkname}`
      : header.type === 'file'
        ? ` ${describeContent(content)}`
        : device
  return {
    type: header.type ?? 'file',
    mode: header.mode ?? 0,
    owner: `${pax['uid'] ?? header.uid}:${pax['gid'] ?? header.gid}`,
    mtime: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
    detail: detail + xattrs.sort().join(''),
    inode: { names: new Set([path]) },
  }
}

function describeContent(content: Buffer): string {
  const text = content.toString()
  return content.length <= 300 && !text.includes('\uFFFD')
    ? JSON.stringify(text)
    : `${content.length} bytes ${createHash('sha256').update(content).digest('hex').slice(0, 16)}`
}

function removeBelow(tree: Map<string, Entry>, folder: string): void {
  const prefix = folder === '' ? '' : `${folder}/`
  for (const [path, entry] of tree) {
    if (!path.startsWith(prefix)) continue
    entry.inode.names.delete(path)
    tree.delete(path)
  }
}

function clean(name: string): string {
  return name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

/** Whether there is a finished layout at a path. */
export function hasImage(layout: string): boolean {
  return existsSync(join(layout, 'index.json'))
}
