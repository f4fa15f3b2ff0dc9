import { readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { writeFileAtomic } from '../host/files.ts'
import type { Runner } from './launch.ts'

/** GOARCH -> what its programs were proven to run under on this kernel, for this user. Only good answers are kept. */
export type ProbeRecords = Readonly<Record<string, ProbeRecord>>

export interface ProbeRecord {
  /** What to call the emulator; absent when the CPU itself ran the program. */
  readonly name?: string
  /** `runnerKey` of what ran it; absent for the CPU. */
  readonly runner?: string
}

const FORMAT = 1

/** A text that changes when the emulator's file or the host's registration does. */
export function runnerKey(runner: Runner): string {
  if (runner.via === 'private') return [runner.emulator.path, runner.emulator.size, runner.emulator.mtime].join(' ')
  return ['host', runner.handler.name, runner.handler.interpreter, runner.handler.flags].join(' ')
}

/** The records of `path` that hold for this kernel and user; empty when there are none. */
export async function readRecords(path: string): Promise<ProbeRecords> {
  try {
    const { key, records } = JSON.parse(await readFile(path, 'utf8')) as {
      key?: unknown
      records?: Record<string, unknown>
    }
    if (key !== cacheKey() || typeof records !== 'object' || records === null) return {}
    return Object.fromEntries(
      Object.entries(records).filter((entry): entry is [string, ProbeRecord] => isRecord(entry[1])),
    )
  } catch {
    return {} // absent or broken: the next probe writes it anew
  }
}

function isRecord(value: unknown): value is ProbeRecord {
  if (typeof value !== 'object' || value === null) return false
  const { name, runner } = value as Record<string, unknown>
  return typeof name === typeof runner && (name === undefined || typeof name === 'string')
}

/** Adds records to those of `path`. A folder that cannot be written costs a probe next time, nothing else. */
export async function addRecords(path: string, records: ProbeRecords): Promise<void> {
  const all = { ...(await readRecords(path)), ...records }
  await writeFileAtomic(path, `${JSON.stringify({ key: cacheKey(), records: all })}\n`, { fsync: false }).catch(
    () => {},
  )
}

function cacheKey(): string {
  return [FORMAT, release(), process.arch, process.geteuid?.() ?? -1].join(' ')
}
