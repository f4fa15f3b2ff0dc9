import { build } from '../build.ts'
import { XbuildError } from '../errors.ts'
import { currentFolder } from '../host/current-folder.ts'
import { finishedResults } from '../session/ledger-results.ts'
import { withDefaultEdges } from '../session/edges.ts'
import { republish } from '../session/republish.ts'
import type { BuildOptions } from '../config/options.ts'
import type { BuildEdges, BuildRequest, BuildResult, ImageResult } from '../session/types.ts'
import { removeRun } from '../store/runs/remove-run.ts'
import { readRun, readRuns } from '../store/runs/read-run.ts'
import type { Run, RunState } from '../store/runs/run-types.ts'
import { findRun, storeOfHistory } from './find-run.ts'

/** Whose history is meant. */
export interface HistoryOptions {
  /** The folder of the store; absent: that of builds without this option. */
  readonly store?: string
  /** Where a relative `store` begins; absent: the folder of the process. */
  readonly cwd?: string
  /** Variables; absent: those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** A run, and what its caller was told of each image that it has finished, by name. */
export interface RunDetails extends Run {
  readonly results: Readonly<Record<string, BuildResult>>
}

/** How a run is gone on with. */
export interface ResumeOptions extends HistoryOptions, Partial<Pick<BuildEdges, 'emit' | 'signal' | 'stdout'>> {
  /** What the run was asked for, the same as then: needed when an image of it is not built yet. */
  readonly requests?: BuildOptions | readonly BuildRequest[]
}

/** The runs of a store, those of `states` only, the earliest first. */
export async function listRuns(
  options: HistoryOptions & { readonly states?: readonly RunState[] } = {},
): Promise<readonly Run[]> {
  const { states } = options
  return readRuns((await openHistory(options)).folder).filter(({ state }) => !states || states.includes(state))
}

/** One run: by its name, the beginning or the end of that, or the latest. Throws NOT_FOUND. */
export async function showRun(name?: string, options: HistoryOptions = {}): Promise<RunDetails> {
  const store = await openHistory(options)
  const run = findRun(store, name)
  return { ...run, results: Object.fromEntries(finishedResults(store.folder, run)) }
}

/**
 * Removes what is known of runs; what they built stays in the store as long as others need it. All names are looked at
 * before the first is removed. Throws NOT_FOUND, and STORE for a run that somebody works on.
 */
export async function removeRuns(names: readonly string[], options: HistoryOptions = {}): Promise<void> {
  const store = await openHistory(options)
  const runs = names.map((name) => findRun(store, name))
  for (const run of runs) checkIdle(run, 'remove')
  for (const { id } of runs) await removeRun(store, id)
}

/**
 * Goes on with a run that failed or was stopped: publishes what is built, builds what is not, and leaves the rest
 * alone. Resolves to all images of the run. Throws NOT_FOUND, STORE when somebody works on it, and BAD_OPTION when
 * images have to be built and `requests` does not say how, or says something else than then.
 */
export async function resumeRun(name?: string, options: ResumeOptions = {}): Promise<readonly ImageResult[]> {
  const store = await openHistory(options)
  const run = findRun(store, name)
  checkIdle(run, 'resume')
  const { requests, emit, signal, env, stdout } = options
  const edges = withDefaultEdges({
    ...(emit ? { emit } : {}),
    ...(signal ? { signal } : {}),
    ...(env ? { env } : {}),
    ...(stdout ? { stdout } : {}),
  })
  const finished = finishedResults(store.folder, run)
  const published = run.images.length === finished.size ? [] : await republish(run, store, edges)
  for (const { name: image, result } of published) if (result) finished.set(image, result)
  const open = run.images.filter(
    ({ image }) => !finished.has(image) && !published.some(({ name: other }) => other === image),
  )
  if (open.length === 0)
    return run.images.map(({ image }): ImageResult => {
      const result = finished.get(image)
      return result ? { name: image, result } : published.find(({ name: other }) => other === image)!
    })
  if (!requests)
    throw new XbuildError('BAD_OPTION', `Cannot resume "${run.id}": ${imagesOf(open)} to be built first`, {
      hint: 'Give what the run was asked for as requests, or call the command xbuild resume',
    })
  const resume = { run: readRun(store.folder, run.id) ?? run, finished }
  if (isMany(requests)) return (await build(requests, { ...edges, resume })).images
  return [{ name: '', result: await build(requests, { ...edges, resume }) }]
}

function openHistory({ store, cwd = currentFolder(), env = process.env }: HistoryOptions) {
  return storeOfHistory({ store, cwd }, env)
}

function checkIdle({ id, state, pid }: Run, action: string): void {
  if (state === 'running') throw new XbuildError('STORE', `Cannot ${action} run "${id}": process ${pid} works on it`)
}

function imagesOf(open: Run['images']): string {
  const names = open.map(({ image }) => (image === '' ? 'the image' : image))
  return `${names.join(', ')} ${names.length === 1 ? 'has' : 'have'}`
}

function isMany(requests: BuildOptions | readonly BuildRequest[]): requests is readonly BuildRequest[] {
  return Array.isArray(requests)
}
