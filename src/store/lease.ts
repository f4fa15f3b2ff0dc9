import { mkdirSync, readdirSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { ownMark, readMark, stateOf } from '../host/process-mark.ts'
import { storeFailure } from './failure.ts'
import type { StoreFolder } from './places.ts'

/*
 * Who uses the store now. Node has no file locks, and a lock that a killed process leaves behind would be worse than
 * none; so every
 * process says what it does by the name of a small file, `leases/<kind>-<pid>-<start time>-<where>-<number>`, and a
 * file whose process
 * is gone counts as nothing. Both sides announce themselves first and look at the others then: of a build and a prune
 * that begin in
 * the same moment at least one sees the other. The build gives way, the prune waits until no build is left.
 */

/** A claim on the store; it ends with `release` or with the process, however that ends. */
export interface Lease {
  release(): void
}

/** A process that holds a lease. */
export interface Holder {
  readonly kind: 'build' | 'prune'
  readonly pid: number
  /** Text of its process mark. */
  readonly mark: string
  /** It runs in another container or on another boot: only the age of its file tells whether it lives. */
  readonly foreign: boolean
}

/** How to wait for others. */
export interface LeaseOptions {
  readonly signal: AbortSignal
  /** Called when there is somebody to wait for, and again when that changes. */
  readonly onWait: (holders: readonly Holder[]) => void
}

/** A foreign process renews its file far more often than this. Milliseconds. */
const FOREIGN_LIFE = 60_000
const RENEWAL = 15_000
const POLL = 50
const NAME = /^(build|prune)-(.+)-\d+$/

/** For a build: keeps everything that it may look up from being removed. Waits while somebody removes things. */
export async function takeBuildLease(folder: StoreFolder, options: LeaseOptions): Promise<Lease> {
  for (let said = ''; ; ) {
    const lease = announce(folder, 'build')
    const pruning = holders(folder, lease.name).filter(({ kind }) => kind === 'prune')
    if (pruning.length === 0) return lease
    lease.release()
    said = await pause(pruning, said, options)
  }
}

/** For removing things: nobody builds while it is held. Nothing when somebody else uses the store now. */
export function tryPruneLease(folder: StoreFolder): Lease | undefined {
  const lease = announce(folder, 'prune')
  if (holders(folder, lease.name).length === 0) return lease
  lease.release()
  return undefined
}

/**
 * `tryPruneLease` until it works; builds are not held up meanwhile. Throws STORE, naming who builds, after `timeout`
 * milliseconds.
 */
export async function takePruneLease(
  folder: StoreFolder,
  options: LeaseOptions & { readonly timeout?: number },
): Promise<Lease> {
  const until = Date.now() + (options.timeout ?? Infinity)
  for (let said = ''; ; ) {
    const lease = tryPruneLease(folder)
    if (lease) return lease
    const others = holders(folder)
    if (Date.now() >= until) {
      throw new XbuildError(
        'STORE',
        `Cannot clean the store "${folder.root}": it is in use by ${describeHolders(others)}`,
        {
          hint: 'Wait until that has ended, or give a longer --timeout',
        },
      )
    }
    said = await pause(others, said, options)
  }
}

/** `a build (process 12), a prune (process 13)`. */
export function describeHolders(others: readonly Holder[]): string {
  return (
    others
      .map(({ kind, pid, foreign }) => `a ${kind} (process ${pid}${foreign ? ' of another container' : ''})`)
      .join(', ') || 'a build that has just ended'
  )
}

/** Every living process that holds a lease, without the one of the file `except`; files of dead ones are removed. */
export function holders(folder: StoreFolder, except?: string): Holder[] {
  return namesIn(folder.leases).flatMap((name): Holder[] => {
    const [, kind, rest = ''] = NAME.exec(name) ?? []
    const mark = readMark(rest)
    if (kind === undefined || mark === undefined || name === except) return []
    const path = join(folder.leases, name)
    const state = stateOf(mark)
    if (state === 'foreign' ? isFresh(path) : state === 'alive')
      return [{ kind: kind as Holder['kind'], pid: mark.pid, mark: mark.text, foreign: state === 'foreign' }]
    removeIfThere(path) // its name belongs to that one process: nobody else can be using it
    return []
  })
}

function announce(folder: StoreFolder, kind: Holder['kind']): Lease & { readonly name: string } {
  const name = makeFile(folder, `${kind}-${ownMark()}`)
  const path = join(folder.leases, name)
  const renewing = setInterval(() => renew(path), RENEWAL)
  renewing.unref()
  return {
    name,
    release() {
      clearInterval(renewing)
      removeIfThere(path)
    },
  }
}

/** Makes an empty file that is not there yet: one process may hold several leases. */
function makeFile({ root, leases }: StoreFolder, stem: string): string {
  for (let number = 0; ; number++) {
    try {
      writeFileSync(join(leases, `${stem}-${number}`), '', { flag: 'wx', mode: 0o600 })
      return `${stem}-${number}`
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') mkdirSync(leases, { recursive: true, mode: 0o700 })
      else if (code !== 'EEXIST') throw storeFailure(root, error)
    }
  }
}

async function pause(others: readonly Holder[], said: string, { signal, onWait }: LeaseOptions): Promise<string> {
  const text = describeHolders(others)
  if (others.length > 0 && text !== said) onWait(others)
  // Not all after the same time: two that gave way to each other would meet again
  await sleep(POLL * (0.5 + Math.random()), undefined, { signal }).catch((cause: unknown) => {
    throw new XbuildError('CANCELED', 'Canceled while waiting for the store', { cause })
  })
  return text
}

function isFresh(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs < FOREIGN_LIFE
}

function renew(path: string): void {
  try {
    const now = new Date()
    utimesSync(path, now, now)
  } catch {
    // the store's folder went away: there is nothing left to protect
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
