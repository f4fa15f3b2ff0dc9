import { closeSync, constants, createReadStream, openSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildEvent } from '../../events.ts'
import { XbuildError, type ErrorCode } from '../../errors.ts'
import type { StoreFolder } from '../places.ts'
import { LOG, openJournal, type Journal } from './journal.ts'
import { isOwnFile, isOwnFolder, runFolder } from './run-folder.ts'

/** So much is kept of what the steps of a platform say. */
const LOG_LIMIT: number = 16 << 20
const MAX_NAME = 4000
const MAX_LINE = 8000
const FLUSH_BYTES = 64 << 10
const FLUSH_MS = 250

/** An event as it is kept, or that the steps of these platforms said more than is kept. */
export type LogEntry =
  | BuildEvent
  | {
      readonly type: 'cut'
      readonly platforms: readonly string[]
      /** Bytes that are kept. */
      readonly limit: number
      readonly at: number
    }

/** Keeps what the steps of a run say. */
export interface RunLog {
  add(event: BuildEvent): void
  /** Writes what waits. */
  flush(): void
  close(): void
}

/** Opens the log of a run; its file is made with the first event. `onError` is told once of what cannot be written. */
export function createRunLog(
  folder: string,
  { limit = LOG_LIMIT, onError }: { readonly limit?: number; readonly onError: (error: unknown) => void },
): RunLog {
  const steps = new Map<string, readonly string[]>()
  const used = new Map<string, number>()
  let others = 0
  const cut = new Set<string>()
  let waiting: LogEntry[] = []
  let bytes = 0
  let file: Journal | undefined
  let broken = false
  let timer: NodeJS.Timeout | undefined

  function put(entry: LogEntry, size: number): void {
    waiting.push(entry)
    bytes += size
    if (bytes > FLUSH_BYTES) flush()
    else timer ??= setTimeout(flush, FLUSH_MS).unref()
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    const lines = waiting
    waiting = []
    bytes = 0
    if (broken || lines.length === 0) return
    try {
      file ??= openJournal(folder, LOG)
      file.write(...lines)
    } catch (error) {
      broken = true
      onError(error)
    }
  }

  return {
    add(event) {
      const kept = keptOf(event)
      if (broken || !kept) return
      if (kept.type !== 'step.log') {
        const size = sizeOf(kept)
        others += size
        // More than any build says: a node need not be one
        if (others > limit) return
        if (kept.type === 'step.start') steps.set(kept.step, kept.platforms)
        return put(kept, size)
      }
      const platforms = steps.get(kept.step) ?? []
      const keys = platforms.length > 0 ? platforms : ['']
      const size = kept.line.length + 100
      if (keys.some((key) => (used.get(key) ?? 0) + size <= limit)) {
        for (const key of keys) used.set(key, (used.get(key) ?? 0) + size)
        return put(kept, size)
      }
      const newlyCut = keys.filter((key) => !cut.has(key))
      for (const key of newlyCut) cut.add(key)
      if (newlyCut.length > 0) put({ type: 'cut', platforms: newlyCut, limit, at: kept.at }, 200)
    },
    flush,
    close() {
      flush()
      file?.close()
      file = undefined
      broken = true
    },
  }
}

/** About what an event takes of the file. */
function sizeOf(event: BuildEvent): number {
  const texts = Object.values(event).map((value: unknown) => (typeof value === 'string' ? value.length : 0))
  return texts.reduce((sum, length) => sum + length, 200)
}

/** What of an event is kept, bounded; undefined for what only tells how far something is. */
function keptOf(event: BuildEvent): BuildEvent | undefined {
  switch (event.type) {
    case 'step.start':
      return { ...event, name: event.name.slice(0, MAX_NAME) }
    case 'step.log':
      return event.line.length > MAX_LINE ? { ...event, line: event.line.slice(0, MAX_LINE) } : event
    case 'step.fail': {
      const { code, message } = event.error
      return { ...event, error: { code, message: message.slice(0, MAX_LINE) } as XbuildError }
    }
    case 'transfer':
      return event.done ? { ...event, name: event.name.slice(0, MAX_NAME) } : undefined
    case 'warning':
      return { ...event, message: event.message.slice(0, MAX_LINE) }
    case 'step.done':
    case 'job.move':
    case 'job.skip':
      return event
    default:
      return undefined
  }
}

/** What the steps of a run said, in the order in which they said it. A line that is torn or too long is none. */
export async function* readRunLog(folder: StoreFolder, id: string): AsyncGenerator<LogEntry, void, undefined> {
  const path = runFolder(folder, id)
  if (!isOwnFolder(path)) return
  let fd: number
  try {
    fd = openSync(join(path, LOG), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return
  }
  if (!isOwnFile(fd)) return closeSync(fd)
  for await (const line of linesOf(createReadStream('', { fd, encoding: 'utf8' }))) {
    const entry = readEntry(line)
    if (entry) yield entry
  }
}

/** Lines of a stream; one that is far too long is left out, and is never held as a whole. */
async function* linesOf(stream: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  const limit = 16 * MAX_LINE
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
    // It cannot become JSON any more
    if (rest.length > limit) rest = '\0'
  }
}

const TEXTS: Readonly<Record<LogEntry['type'], readonly string[] | undefined>> = {
  'step.start': ['step', 'name'],
  'step.log': ['step', 'line'],
  'step.done': ['step'],
  'step.fail': ['step'],
  transfer: ['id', 'name'],
  warning: ['message'],
  'job.move': ['job', 'platform', 'from', 'to', 'strategy', 'because'],
  'job.skip': ['job', 'platform', 'because'],
  cut: [],
  'job.start': undefined,
  'job.done': undefined,
  'job.fail': undefined,
}

function readEntry(line: string): LogEntry | undefined {
  try {
    const value = JSON.parse(line) as Record<string, unknown>
    const type = value['type']
    const texts = typeof type === 'string' && Object.hasOwn(TEXTS, type) ? TEXTS[type as LogEntry['type']] : undefined
    if (!texts?.every((key) => typeof value[key] === 'string') || !Number.isFinite(value['at'])) return undefined
    const isList = (list: unknown) => Array.isArray(list) && list.every((one) => typeof one === 'string')
    if ((type === 'step.start' || type === 'cut') && !isList(value['platforms'])) return undefined
    if (value['images'] !== undefined && !isList(value['images'])) return undefined
    if (type === 'cut' && !Number.isFinite(value['limit'])) return undefined
    if (type === 'transfer' && !Number.isFinite(value['current'])) return undefined
    if (type === 'warning') delete value['source']
    if (type !== 'step.fail') return value as unknown as LogEntry
    const { code, message } = value['error'] as { code: ErrorCode; message: unknown }
    return { ...(value as unknown as BuildEvent), error: new XbuildError(code, String(message)) } as LogEntry
  } catch {
    return undefined
  }
}
