import { XbuildError } from '../../errors.ts'
import type { BuildEvent } from '../../events.ts'
import { followSteps, type FollowOptions, type StepTable } from './follow-steps.ts'
import type { StatusResponse, Vertex, VertexStatus, VertexWarning } from './gen/control_pb.ts'
import { withoutPacks } from './packs/step-name.ts'
import { readWarning } from './read-warning.ts'
import { timeOf } from './time-of.ts'

/** What a daemon tells of the steps of all jobs it has, as events. A step that several jobs share is told once. */
export interface Progress {
  /** Follows one build. */
  follow(options: FollowOptions & { readonly dockerfile: string }): BuildProgress
}

export interface BuildProgress {
  take(status: StatusResponse): void
  /** The step that failed, when one did, what the daemon said of it, and its last lines. */
  failed(): { readonly name: string; readonly error: string; readonly output: readonly string[] } | undefined
  /** Why the result must not be used, though the daemon makes one. */
  refused(): XbuildError | undefined
  /** Contexts of packs that were mounted into steps which really ran. */
  packs(): ReadonlySet<string>
  /** Images that were started or copied from, as the daemon resolved them: digests by normalized reference. */
  bases(): Readonly<Record<string, string>>
  /** No more will come: steps that are still open were stopped. */
  end(): void
}

/** More than any build has; a node that goes on and on is not told of any further. */
const MOST = { names: 100_000, transfers: 20_000, warnings: 1_000 }

/**
 * A step that gives out an image is called after it and nothing else; the text of a RUN may end in what looks alike.
 */
const RESOLVED = /^(?:\[[^\]]*\] )?(?:FROM )?(?:docker-image:\/\/)?([^\s/]\S*)@(sha256:[0-9a-f]{64})$/

export function createProgress(): Progress {
  const table: StepTable = new Map()
  return {
    follow({ dockerfile, ...options }) {
      const { emit } = options
      const steps = followSteps(table, options)
      const names = createNames()
      const transfers = createTransfers()
      const warnings = createWarnings(dockerfile)
      const report = (vertex: Vertex) => {
        const named = names.take(vertex)
        if (named?.started && !isQuiet(named.name)) steps.report(named)
      }
      return {
        take(status) {
          // Lines of a step come before its end, whatever order they are listed in
          for (const vertex of status.vertexes) if (!vertex.completed) report(vertex)
          for (const { vertex, stream, msg, timestamp } of status.logs)
            steps.log(vertex, { stream, bytes: msg, at: timeOf(timestamp) })
          for (const one of status.statuses) if (steps.isOpen(one.vertex)) transfers.take(one).forEach(emit)
          for (const vertex of status.vertexes) if (vertex.completed) report(vertex)
          for (const warning of status.warnings) warnings.take(warning).forEach(emit)
        },
        refused: warnings.refused,
        packs: () => names.packs,
        bases: () => names.bases,
        failed() {
          const failed = names.failed()
          return failed && { name: failed.name, error: failed.error, output: steps.lastLines(failed.digest) }
        },
        end: steps.end,
      }
    },
  }
}

/** What the names of steps, and how they ended, tell of a build. */
function createNames() {
  const packs = new Set<string>()
  const bases: Record<string, string> = {}
  let failed: Vertex | undefined
  let taken = 0
  return {
    packs,
    bases,
    failed: () => failed,
    /** The step without what was added to its name; nothing when there are too many. */
    take(reported: Vertex): Vertex | undefined {
      if (++taken > MOST.names && reported.error === '') return undefined
      const { name, context } = withoutPacks(reported.name)
      const { started, completed, cached, error } = reported
      if (context !== undefined && completed && !cached && error === '') packs.add(context)
      const base = RESOLVED.exec(name)
      if (base) bases[base[1]!] = base[2]!
      const vertex = { ...reported, name }
      if (started && !isQuiet(name) && error !== '' && !/context canceled/.test(error)) failed = vertex
      return vertex
    },
  }
}

/** Steps that are no news to anybody. */
function isQuiet(name: string): boolean {
  return /^\[internal\] (load (remote )?build (definition|context metadata)|load \.dockerignore|booting)/.test(name)
}

function createTransfers() {
  const known = new Set<string>()
  return {
    take({ vertex, ID: name, current, total, completed, timestamp }: VertexStatus): readonly BuildEvent[] {
      if (total === 0n && current === 0n) return []
      const id = `${vertex} ${name}`
      if (!known.has(id) && known.size >= MOST.transfers) return []
      known.add(id)
      return [
        {
          type: 'transfer',
          id,
          name: shownTransfer(name),
          current: Number(current),
          ...(total > 0n ? { total: Number(total) } : {}),
          ...(completed ? { done: true } : {}),
          at: timeOf(timestamp),
        },
      ]
    },
  }
}

/** `transferring context:`, `sha256:...`, `extracting sha256:...` as people read them. */
function shownTransfer(name: string): string {
  return name
    .replace(/:$/, '')
    .replace(/^sha256:/, 'layer sha256:')
    .replace(/sha256:([0-9a-f]{12})[0-9a-f]+/, '$1')
}

function createWarnings(dockerfile: string) {
  let refused: XbuildError | undefined
  let told = 0
  return {
    refused: () => refused,
    take(warning: VertexWarning): readonly BuildEvent[] {
      const read = readWarning(warning, dockerfile)
      if (read instanceof XbuildError) refused = read
      else if (read && ++told <= MOST.warnings) return [read]
      return []
    },
  }
}
