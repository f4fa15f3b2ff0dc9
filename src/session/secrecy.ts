import type { BuildEvent, Emit } from '../events.ts'
import { createMask } from '../content/mask.ts'
import { XbuildError } from '../errors.ts'
import type { BuildEdges, SessionResult } from './types.ts'

/** Keeps what a build knows of secrets out of everything that it says, whichever engine said it first. */
export interface Secrecy {
  /** From now on nothing of it is said. */
  readonly hide: (secret: Buffer | string) => void
  readonly text: (text: string) => string
  /** Where a text may be cut in two: see `Mask.cut`. */
  readonly cut: (text: string, at: number) => number
  /** Events with nothing secret in them. */
  readonly emit: Emit
  /** The same error: its words, those of its causes and of the failures in it. */
  readonly error: (error: unknown) => unknown
}

/** The world that a session is given, and what must not be said of it. */
export type SessionEdges = BuildEdges & { readonly secrecy: Secrecy }

/** Secrets are hidden from the moment on that somebody is given them; `emit` takes what may be said. */
export function createSecrecy(emit: Emit): Secrecy {
  const mask = createMask()
  const error = (value: unknown) => hideIn(value, mask.text, new Set())
  return {
    hide: mask.add,
    text: mask.text,
    cut: mask.cut,
    error,
    emit: (event) => emit(masked(event, { text: mask.text, error })),
  }
}

/** Does the work of a session; nothing secret comes out of it: not in events, nor in errors or results. */
export async function withSecrecy(
  edges: BuildEdges,
  work: (edges: SessionEdges) => Promise<SessionResult>,
): Promise<SessionResult> {
  const secrecy = createSecrecy(edges.emit)
  try {
    const session = await work({ ...edges, emit: secrecy.emit, secrecy })
    for (const { error } of session.images) if (error) secrecy.error(error)
    return session
  } catch (error) {
    throw secrecy.error(error)
  }
}

/** The parts of events that are words of others. */
const WORDS = ['name', 'line', 'message', 'because'] as const

function masked(event: BuildEvent, { text, error }: Pick<Secrecy, 'text' | 'error'>): BuildEvent {
  const parts = event as BuildEvent & Partial<Record<(typeof WORDS)[number], string>>
  const changed = WORDS.flatMap((key) => {
    const before = parts[key]
    const after = before === undefined ? before : text(before)
    return after === before ? [] : [[key, after]]
  })
  if ('error' in event) error(event.error)
  return changed.length === 0 ? event : ({ ...event, ...Object.fromEntries(changed) } as BuildEvent)
}

type Changeable = { -readonly [K in 'message' | 'stack' | 'hint' | 'output' | 'cause']?: unknown } & {
  readonly failures?: unknown
  readonly diagnostics?: unknown
}

/** In place: who compares errors, or asks for their class, finds the same ones. */
function hideIn(value: unknown, text: (text: string) => string, seen: Set<unknown>): unknown {
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object' || value === null || seen.has(value)) return value
  seen.add(value)
  const one = value as Changeable
  for (const key of ['message', 'stack', 'hint'] as const) {
    const before = one[key]
    if (typeof before === 'string' && text(before) !== before) one[key] = text(before)
  }
  if (Array.isArray(one.output)) {
    const { output } = one
    if (output.some((line) => text(String(line)) !== line)) one.output = output.map((line) => text(String(line)))
  }
  if (one.cause !== undefined) {
    const cause = hideIn(one.cause, text, seen)
    if (cause !== one.cause) one.cause = cause
  }
  for (const list of [one.failures, one.diagnostics]) {
    if (!Array.isArray(list)) continue
    for (const entry of list) {
      const inner = entry instanceof XbuildError ? entry : (entry as { readonly error?: unknown }).error
      hideIn(inner ?? entry, text, seen)
    }
  }
  return value
}

/** Data with nothing secret in its texts; the names of its parts stay. */
export function hiddenIn<T>(value: T, text: (text: string) => string): T {
  if (typeof value === 'string') return text(value) as T
  if (Array.isArray(value)) return value.map((one) => hiddenIn(one as unknown, text)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, hiddenIn(one as unknown, text)])) as T
}
