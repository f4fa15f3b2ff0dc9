import { totalmem } from 'node:os'
import { createRoomMeter } from '../host/disk-room.ts'
import { XbuildError } from '../errors.ts'
import { workOfSession, type ProcessWork } from '../host/process-work.ts'

/** How much a repository, or its server, may make git do. */
export interface GitLimits {
  /** Memory that each program of git may fill, but for a mere question. Bytes. */
  readonly memory: number
  /** The same for a question. Bytes. */
  readonly askingMemory: number
  /** Programs that do nothing for this long wait for a server that has stopped responding. Milliseconds. */
  readonly silence: number
  /** Files and folders of a repository and its submodules. */
  readonly entries: number
  /** Submodules of submodules. */
  readonly depth: number
}

/** Far above what repositories are: of the largest public ones, Chromium has half a million files. */
export const GIT_LIMITS: GitLimits = {
  memory: Math.max(1 << 30, totalmem() / 2),
  askingMemory: 512 << 20,
  silence: 60_000,
  entries: 1_000_000,
  depth: 20,
}

/** Less than this is silence: servers that prepare an answer send a few bytes now and then. */
const LEAST: ProcessWork = { bytes: 64, cpu: 100 }

/** Watches programs of git: a server that says nothing, and a disk that gets full, end them. */
export function watchOf(
  what: string,
  { silence, folder }: { readonly silence: number; readonly folder?: string | undefined },
): (session: number) => void {
  const makeRoom = folder === undefined ? undefined : createRoomMeter(folder, { what: 'check out into' })
  let last: { readonly at: number; readonly work: ProcessWork | undefined } | undefined
  return (session) => {
    makeRoom?.(Number.MAX_SAFE_INTEGER)
    const now = performance.now()
    if (last && now - last.at < silence) return
    const work = workOfSession(session)
    if (last?.work && work && isSilence(last.work, work))
      throw new XbuildError('REGISTRY', `Cannot ${what}: the host stopped responding`, {
        facts: { limit: 'time' },
        hint: 'Check the URL and the network',
      })
    last = { at: now, work }
  }
}

function isSilence(before: ProcessWork, after: ProcessWork): boolean {
  // Programs that ended took with them what they did
  return Math.abs(after.bytes - before.bytes) < LEAST.bytes && Math.abs(after.cpu - before.cpu) < LEAST.cpu
}

/** `file` and its arguments with a limit on the memory that it and what it starts may fill, each. */
export function withMemoryLimit(file: string, args: readonly string[], bytes: number): readonly [string, string[]] {
  // A limit of the user's that is lower stays
  const script = 'ulimit -d "$0" 2>/dev/null; exec "$@"'
  return ['/bin/sh', ['-c', script, String(Math.floor(bytes / 1024)), file, ...args]]
}
