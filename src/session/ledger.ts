import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import type { Emit } from '../events.ts'
import { toXbuildError, type XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { ownMark } from '../host/process-mark.ts'
import { strategyOf } from '../plan/strategy-of.ts'
import type { BuildPlan } from '../plan/types.ts'
import { formatPlatform } from '../platform.ts'
import { goneProcesses } from '../store/leftovers.ts'
import { JOURNAL, openJournal, type Journal } from '../store/runs/journal.ts'
import { readRun } from '../store/runs/read-run.ts'
import { claimAttempt, makeRunFolder, removeOldRuns, runFolder } from '../store/runs/run-folder.ts'
import { publicationFile } from '../store/runs/publications.ts'
import { createRunLog, type RunLog } from '../store/runs/run-log.ts'
import type { RunLine, RunOrigin, RunRequest } from '../store/runs/run-types.ts'
import type { StoreFolder } from '../store/places.ts'
import type { Store } from '../store/store.ts'
import { version } from '../version.ts'
import { platformLines } from './ledger-platforms.ts'
import { resultFile } from './ledger-results.ts'
import type { BuildEdges, BuildResult, SessionResult } from './types.ts'

type NewLine = RunLine extends infer Line ? (Line extends RunLine ? Omit<Line, 'at'> : never) : never

/** Writes down what a session does, while it does it. Nothing of it ever makes a build fail. */
export interface Ledger {
  /** Events on their way to the caller. */
  readonly emit: Emit
  /** The run's name, as soon as the store is open; absent where nothing can be written. */
  id(): string | undefined
  open(store: Store, begin: LedgerBegin): void
  planned(plan: BuildPlan): void
  /** Writes lines; those that must outlive a power cut with `sync`. */
  note(line: NewLine, options?: { readonly sync?: boolean }): void
  imageDone(image: string | undefined, result: BuildResult): Promise<void>
  /** The session is over. */
  end(
    outcome:
      | { readonly session: SessionResult /** Images are left that are not in the session. */; readonly open?: boolean }
      | { readonly error: unknown },
  ): void
}

/** What is written down at the beginning. */
export interface LedgerBegin {
  readonly images: readonly RunRequest[]
  readonly origin: RunOrigin
  /** Takes out what must not be written down. */
  readonly hide?: ((text: string) => string) | undefined
}

/** The ledger of one session; `resume` in the edges names the run that it goes on with. */
export function createLedger({ emit, signal, resume }: Pick<BuildEdges, 'emit' | 'signal' | 'resume'>): Ledger {
  const publications = new Map<string, string>()
  const platforms = platformLines()
  let folder: string | undefined
  let id: string | undefined
  let records: Pick<StoreFolder, 'records'> | undefined
  let journal: Journal | undefined
  let log: RunLog | undefined
  let hide: ((text: string) => string) | undefined
  let isSingle = false
  let broken = false

  /** Says once why there is no history of this run, or no more of it. */
  function fail(error: unknown): void {
    if (broken) return
    broken = true
    emit({ type: 'warning', message: `Cannot keep the history of this build: ${textOf(error)}`, at: Date.now() })
  }

  function attempt(work: () => void): void {
    if (broken) return
    try {
      work()
    } catch (error) {
      fail(error)
    }
  }

  function note(line: NewLine, { sync = false }: { readonly sync?: boolean } = {}): void {
    if (line.type === 'ready') publications.set(line.image, line.publication)
    attempt(() => {
      journal?.write({ at: Date.now(), ...hiddenLine(line, hide) })
      if (sync) journal?.sync()
    })
  }

  return {
    emit(event) {
      emit(event)
      if (!journal || broken) return
      for (const line of platforms.of(event)) note(line)
      log?.add(hiddenLine(event, hide))
    },
    id: () => (broken ? undefined : id),
    open(store, { images, origin, hide: taken }) {
      if (journal || broken) return
      // Two that go on with one run would undo what the other does: that is an error
      if (resume !== undefined)
        claimAttempt(runFolder(store.folder, resume.run.id), resume.run.attempts + 1, goneProcesses(store.folder))
      attempt(() => {
        hide = taken
        isSingle = images.length === 1 && images[0]!.image === ''
        id = resume?.run.id ?? makeRunFolder(store.folder, Date.now())
        folder = runFolder(store.folder, id)
        records = store.folder
        journal = openJournal(folder, JOURNAL)
        log = createRunLog(folder, { onError: fail })
        note({
          type: 'begin',
          version: version(),
          mark: ownMark(),
          images: images.map(({ image, tags, asked }) => ({ image, tags, ...compact({ asked }) })),
          ...plainOrigin(origin),
        })
        const isKept = (other: string) => other === id || readRun(store.folder, other)?.state === 'running'
        removeOldRuns(store.folder, { now: Date.now(), isKept })
      })
    },
    planned(plan) {
      for (const job of plan.jobs) {
        if (job.kind !== 'image') continue
        const { strategy, reason } = job.decision
        const [image, platform] = [job.image ?? '', formatPlatform(job.target)]
        note({
          type: 'platform',
          image,
          platform,
          status: 'planned',
          strategy: strategyOf(job),
          node: strategy.node,
          reason,
        })
      }
    },
    note,
    async imageDone(image, result) {
      // What was done before is not done again, and its result is known
      if (folder === undefined || broken || resume?.finished.has(image ?? '')) return
      try {
        const text = JSON.stringify(hiddenLine(result, hide))
        await writeFileAtomic(join(folder, resultFile(image)), text, { fsync: false, isPrivate: true })
        note({ type: 'image', image: image ?? '', status: 'done', digest: result.digest })
        isSingle = false
        const waits = publications.get(image ?? '') ?? openOf(resume, image ?? '')
        if (records && waits !== undefined) await rm(publicationFile(records, waits), { force: true })
      } catch (error) {
        fail(error)
      }
    },
    end(outcome) {
      if ('session' in outcome) {
        for (const { name, error } of outcome.session.images)
          if (error) note({ type: 'image', image: name, status: 'failed', error: factsOf(error) })
        const failed = outcome.open || outcome.session.images.some(({ error }) => error !== undefined)
        note({ type: 'end', status: failed ? 'failed' : 'done' })
      } else {
        const error = toXbuildError(outcome.error)
        const canceled = signal.aborted || error.code === 'CANCELED'
        if (isSingle && !canceled) note({ type: 'image', image: '', status: 'failed', error: factsOf(error) })
        note({ type: 'end', status: canceled ? 'canceled' : 'failed', error: factsOf(error) })
      }
      attempt(() => {
        log?.close()
        journal?.close()
      })
      broken = true
    },
  }
}

function openOf(resume: BuildEdges['resume'], image: string): string | undefined {
  return resume?.run.images.find((one) => one.image === image)?.publication
}

/** The origin without what else the object holds. */
function plainOrigin({ cwd, command, withheld, env, needs, chosen, metadataFile }: RunOrigin): RunOrigin {
  const given = { command, withheld, env, needs, chosen, metadataFile }
  return { cwd, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}

const MAX_MESSAGE = 4000

function factsOf({ code, message }: XbuildError) {
  return { code, message: message.slice(0, MAX_MESSAGE) }
}

function textOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' ? 'no space left on device' : toXbuildError(error).message
}

/** The value with nothing secret in its texts; the same one when there is nothing to hide. */
function hiddenLine<T>(value: T, hide: ((text: string) => string) | undefined): T {
  if (!hide) return value
  const text = JSON.stringify(value, (_, inner: unknown) =>
    inner instanceof Error ? factsOf(toXbuildError(inner)) : inner,
  )
  return hide(text) === text
    ? value
    : (JSON.parse(text, (_, one: unknown) => (typeof one === 'string' ? hide(one) : one)) as T)
}
