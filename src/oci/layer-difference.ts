import { firstOtherBlock, INDEX_BLOCK, type IndexedEntry, type LayerIndex } from './layer-index.ts'
import { shownName } from './tar-decode.ts'
import type { TarEntry } from './tar-format.ts'

/** What differs of one file of two layers. */
export interface FileDifference {
  /** As the archives have it. */
  readonly path: string
  /** What differs beside the content, in words. */
  readonly differs: readonly string[]
  /** The content differs: the number of the first block that does, and the sizes in bytes. */
  readonly content?: { readonly block: number; readonly sizes: readonly [number, number] }
  /** Nothing but the time of the file differs. */
  readonly isTime: boolean
}

/** What differs between two layers. */
export interface LayerDifference {
  /** In the order of the first layer, those of which only the time differs last. */
  readonly files: readonly FileDifference[]
  /** How many more files differ than are told. */
  readonly more: number
  /** What differs though no file does, or what was not compared. */
  readonly notes: readonly string[]
  /** Nothing but times of files differs. */
  readonly isTime: boolean
}

/** As many files as a reader looks at. */
const MOST_FILES = 10

/** Compares two layers of an image that was built twice, file by file. */
export function compareLayers(first: LayerIndex, second: LayerIndex): LayerDifference {
  const others: FileDifference[] = []
  const times: FileDifference[] = []
  let count = 0
  let isTime = true
  const add = (found: FileDifference | undefined): void => {
    if (!found) return
    count += 1
    isTime &&= found.isTime
    const list = found.isTime ? times : others
    if (list.length < MOST_FILES) list.push(found)
  }
  const isCut = first.isCut || second.isCut
  const only = (path: string, which: string) => {
    if (!isCut) add({ path, differs: [`only in the ${which} build`], isTime: false })
  }
  for (const [path, one] of first.entries) {
    const other = second.entries.get(path)
    if (other) add(compareFiles(one, other))
    else only(path, 'first')
  }
  for (const path of second.entries.keys()) if (!first.entries.has(path)) only(path, 'second')
  // Without SOURCE_DATE_EPOCH every new file has another time: it must not hide what else differs
  const files = [...others, ...times].slice(0, MOST_FILES)
  const notes = [
    ...(count === 0
      ? [firstInOrder(first, second) ?? 'the files are the same, but archived or packed differently']
      : []),
    ...(isCut ? ['not all files were compared: there are too many'] : []),
  ]
  return { files, more: count - files.length, notes, isTime: isTime && notes.length === 0 }
}

/** A difference in words; `blocks` are the first blocks of the content that differ, of the first and second build. */
export function describeFile(
  { differs, content, path }: FileDifference,
  blocks: readonly [Buffer | undefined, Buffer | undefined],
): string {
  const words = content
    ? [`content from byte ${offsetOf(content, blocks)} on${sizesOf(content.sizes)}`, ...differs]
    : differs
  return `/${shownName(path.replace(/^(?:\.?\/)+/, ''))}: ${words.join(', ')}`
}

function offsetOf(
  { block, sizes }: NonNullable<FileDifference['content']>,
  [first = Buffer.alloc(0), second = Buffer.alloc(0)]: readonly [Buffer | undefined, Buffer | undefined],
): number {
  const least = Math.min(first.length, second.length)
  let at = 0
  while (at < least && first[at] === second[at]) at += 1
  return Math.min(block * INDEX_BLOCK + at, ...sizes)
}

function sizesOf([first, second]: readonly [number, number]): string {
  return first === second ? '' : ` (${first} and ${second} bytes)`
}

function compareFiles(one: IndexedEntry, other: IndexedEntry): FileDifference | undefined {
  const [a, b] = [one.entry, other.entry]
  const { path } = a
  if (a.type !== b.type) return { path, differs: [`type ${a.type} and ${b.type}`], isTime: false }
  const block = firstOtherBlock(one, other)
  const differs: string[] = []
  if (a.link !== b.link) differs.push(`link to "${shownName(a.link ?? '')}" and "${shownName(b.link ?? '')}"`)
  if (a.mode !== b.mode) differs.push(`mode ${octal(a.mode)} and ${octal(b.mode)}`)
  if (a.uid !== b.uid || a.gid !== b.gid) differs.push(`owner ${a.uid}:${a.gid} and ${b.uid}:${b.gid}`)
  if (a.devMajor !== b.devMajor || a.devMinor !== b.devMinor) differs.push('device number')
  differs.push(...otherXattrs(a, b).map((name) => `extended attribute ${shownName(name)}`))
  const isTime = block === undefined && differs.length === 0
  if (a.mtime !== b.mtime) differs.push(`mtime ${time(a.mtime)} and ${time(b.mtime)}`)
  if (block === undefined && differs.length === 0) return undefined
  return { path, differs, isTime, ...(block === undefined ? {} : { content: { block, sizes: [a.size, b.size] } }) }
}

function otherXattrs({ xattrs: a = new Map() }: TarEntry, { xattrs: b = new Map() }: TarEntry): string[] {
  const names = [...new Set<string>([...a.keys(), ...b.keys()])].sort()
  return names.filter((name) => {
    const [one, other] = [a.get(name), b.get(name)]
    return !one || !other || !one.equals(other)
  })
}

function firstInOrder(first: LayerIndex, second: LayerIndex): string | undefined {
  const other = second.entries.keys()
  let number = 0
  for (const path of first.entries.keys()) {
    number += 1
    const there = other.next().value
    if (there !== undefined && there !== path)
      return `the files are in another order: number ${number} is "${shownName(path)}" and "${shownName(there)}"`
  }
  return undefined
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

function time(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z')
}
