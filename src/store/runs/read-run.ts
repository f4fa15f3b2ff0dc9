import { join } from 'node:path'
import { compact } from '../../compact.ts'
import { readMark } from '../../host/process-mark.ts'
import { goneProcesses } from '../leftovers.ts'
import type { StoreFolder } from '../places.ts'
import { JOURNAL } from './journal.ts'
import { isOwnFolder, listRuns, readOwnFile, runFolder } from './run-folder.ts'
import { readLine } from './read-line.ts'
import type { Run, RunImage, RunLine, RunPlatform, RunState } from './run-types.ts'

/** A journal has a line per platform, output and tag: more bytes than these are nobody's. */
const MAX_BYTES = 16_000_000
const MAX_LINE = 1_000_000

/** All runs of a store, oldest first; without those whose journal cannot be read. */
export function readRuns(folder: StoreFolder): Run[] {
  return listRuns(folder).flatMap((id) => readRun(folder, id) ?? [])
}

/** What the journal of a run tells; undefined when there is none. */
export function readRun(folder: StoreFolder, id: string): Run | undefined {
  const path = runFolder(folder, id)
  if (!isOwnFolder(path)) return undefined
  const lines = linesOf(readOwnFile(join(path, JOURNAL), MAX_BYTES)).flatMap((text) => readLine(text) ?? [])
  return foldRun(id, lines, goneProcesses(folder))
}

/** The lines of a file; one that is torn or too long is none. */
export function linesOf(bytes: Buffer | undefined): string[] {
  return bytes === undefined
    ? []
    : bytes
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '' && line.length <= MAX_LINE)
}

type Begin = Extract<RunLine, { type: 'begin' }>
type End = Extract<RunLine, { type: 'end' }>

/** What the lines of a journal come to; `isGone` tells of a process mark. Undefined for one that does not begin. */
function foldRun(id: string, lines: readonly RunLine[], isGone: (mark: string) => boolean): Run | undefined {
  const first = lines.find((line): line is Begin => line.type === 'begin')
  if (!first) return undefined
  const images = new Map<string, RunImage>()
  const update = (name: string, change: (image: RunImage) => Partial<RunImage>) => {
    const image = images.get(name)
    if (image) images.set(name, { ...image, ...change(image) })
  }
  let [begin, end, attempts, duration, last] = [first, undefined as End | undefined, 0, 0, first.at]
  for (const line of lines) {
    switch (line.type) {
      case 'begin':
        duration += attempts > 0 ? Math.max(0, last - begin.at) : 0
        ;[begin, end, attempts] = [line, undefined, attempts + 1]
        // What was asked for at first counts: a later attempt may make an image for others only
        for (const request of line.images)
          images.set(request.image, { ...EMPTY, ...request, ...images.get(request.image) })
        break
      case 'platform': {
        const { type: _, at: _at, ...platform } = line
        update(line.image, ({ platforms }) => ({ platforms: withPlatform(platforms, platform) }))
        break
      }
      case 'ready':
        // What was written and moved before was another image
        update(line.image, () => ({ publication: line.publication, outputs: [], moved: [] }))
        break
      case 'output':
        update(line.image, ({ outputs }) => ({ outputs: [...new Set([...outputs, line.output])] }))
        break
      case 'tag': {
        const { ref, digest, at } = line
        update(line.image, ({ moved }) => ({
          moved: [...moved.filter((one) => one.ref !== ref), { ref, digest, at }],
        }))
        break
      }
      case 'image': {
        const { status, digest, error } = line
        const image = images.get(line.image)
        if (!image) break
        const { error: _, ...rest } = image
        images.set(line.image, {
          ...rest,
          status,
          ...compact({ digest, error }),
        })
        break
      }
      case 'end':
        end = line
    }
    last = Math.max(last, line.at)
  }
  const gone = end === undefined && isGone(begin.mark)
  const state: RunState = end?.status ?? (gone ? 'interrupted' : 'running')
  const pid = state === 'running' ? readMark(begin.mark)?.pid : undefined
  const { type: _, at: _at, mark: _mark, images: _images, version: _version, ...origin } = first
  return {
    id,
    state,
    version: begin.version,
    began: first.at,
    ended: last,
    duration: duration + Math.max(0, (state === 'running' ? Date.now() : last) - begin.at),
    attempts,
    ...origin,
    images: [...images.values()].map((image) => settled(image, state)),
    ...compact({ pid, error: end?.error }),
  }
}

const EMPTY = { status: 'open', platforms: [], outputs: [], moved: [] } as const

function withPlatform(platforms: readonly RunPlatform[], next: RunPlatform): RunPlatform[] {
  const at = platforms.findIndex(({ platform }) => platform === next.platform)
  const before = platforms[at]
  if (!before) return [...platforms, next]
  const { strategy, node, reason } = before
  const kept = { ...(strategy ? { strategy } : {}), ...(node ? { node } : {}), ...(reason ? { reason } : {}) }
  return platforms.with(at, { ...kept, ...next })
}

/** Nobody works on the platforms of a run that is over. */
function settled(image: RunImage, state: RunState): RunImage {
  return {
    ...image,
    platforms: image.platforms.map((one) =>
      one.status === 'running' && state !== 'running' ? { ...one, status: 'skipped' } : one,
    ),
  }
}
