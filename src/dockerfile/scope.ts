import type { Escape } from './lines.ts'
import { proxyArgs } from './platform-args.ts'
import type { StageArgs } from './types.ts'
import { expandWord, expandWords, type Budget } from './words.ts'

/**
 * The variables of a stage while it is evaluated: of an ENV and an ARG of one name, the one that got its value last
 * is seen.
 */
export interface Scope {
  readonly env: ReadonlyMap<string, string>
  /** In the order of declaration; `undefined`: declared, without a value. */
  readonly args: ReadonlyMap<string, string | undefined>
  /** What a variable is now. */
  value(name: string): string | undefined
  expand(text: string): string
  expandWords(text: string): string[]
  /** The body of a heredoc: quotes are text. */
  expandBody(text: string): string
  /** Sets an ENV; one that is set again keeps its place. */
  setEnv(name: string, value: string): void
  /** Declares an ARG; its value is the build arg, else its default, else the global one. */
  declare(name: string, initial: string | undefined): string | undefined
  /** `NAME=value` for a program: ENV, then ARGs of other names. */
  environment(): readonly string[]
  /** Proxies that no ENV or ARG sets. */
  proxies(): string[]
}

export interface ScopeOptions {
  readonly env: readonly string[]
  /** ARGs of the stage this one is built from. */
  readonly inherited: Readonly<Record<string, string | undefined>>
  readonly args: StageArgs
  readonly escape: Escape
  /** Told the name of every variable that is used and has neither a value nor an ARG. */
  readonly onUnset?: (name: string) => void
}

/** These ARGs steer the build; no program sees them. */
const NOT_IN_ENVIRONMENT: ReadonlySet<string> = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'])
/** Characters that one stage may expand in all. */
const STAGE_BUDGET = 64 << 20

/** The variables at the start of a stage. */
export function createScope({ env: base, inherited, args: values, escape, onUnset }: ScopeOptions): Scope {
  const env = new Map(base.map(splitVariable))
  const args = new Map(Object.entries(inherited))
  /** ARGs that got a value after the ENV of the same name. */
  const later = new Set<string>()
  const valueOf = (name: string): string | undefined =>
    later.has(name) ? args.get(name) : (env.get(name) ?? args.get(name))
  const lookup = (name: string): string | undefined => {
    const value = valueOf(name)
    if (value === undefined && !args.has(name)) onUnset?.(name)
    return value
  }
  const budget: Budget = { left: STAGE_BUDGET }

  // Steps share one list as long as nothing changes.
  let variables: readonly string[] | undefined

  function setEnv(name: string, value: string): void {
    env.set(name, value)
    later.delete(name)
    variables = undefined
  }

  function expand(text: string): string {
    return expandWord(text, { lookup, escape, budget })
  }

  function declare(name: string, initial: string | undefined): string | undefined {
    const value = firstValue(name, initial)
    if (value !== undefined || !args.has(name)) args.set(name, value)
    if (value !== undefined && env.has(name)) later.add(name)
    variables = undefined
    return value
  }

  function firstValue(name: string, initial: string | undefined): string | undefined {
    if (Object.hasOwn(values.build, name)) return values.build[name]
    if (initial !== undefined) return expand(initial)
    return Object.hasOwn(values.global, name) ? values.global[name] : undefined
  }

  function environment(): readonly string[] {
    return (variables ??= listVariables())
  }

  function listVariables(): string[] {
    const visible = [...args].filter(
      ([name, value]) => value !== undefined && !env.has(name) && !NOT_IN_ENVIRONMENT.has(name),
    )
    return [...[...env].map(([name]) => [name, valueOf(name)]), ...visible].map(([name, value]) => `${name}=${value}`)
  }

  function proxies(): string[] {
    return [...proxyArgs(values.build)]
      .filter(([name]) => valueOf(name) === undefined)
      .map(([name, value]) => `${name}=${value}`)
  }

  return {
    env,
    args,
    value: valueOf,
    expand,
    expandWords: (text) => expandWords(text, { lookup, escape, budget }),
    // A heredoc has the shell's escape character, whatever the Dockerfile's is.
    expandBody: (text) => expandWord(text, { lookup, escape: '\\', plainQuotes: true, budget }),
    setEnv,
    declare,
    environment,
    proxies,
  }
}

function splitVariable(variable: string): readonly [string, string] {
  const equals = variable.indexOf('=')
  return equals === -1 ? [variable, ''] : [variable.slice(0, equals), variable.slice(equals + 1)]
}
