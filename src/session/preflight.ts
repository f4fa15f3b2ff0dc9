import { createLimit, type Limit } from '../content/limit.ts'
import { createImages, type Images } from '../content/images.ts'
import type { Emit } from '../events.ts'
import type { TargetBuild } from '../driver/target.ts'
import { toXbuildError, type XbuildError } from '../errors.ts'
import { formatReference } from '../oci/reference.ts'
import type { BaseAvailability, PushRight } from '../plan/types.ts'
import { platformKey, type Platform } from '../platform.ts'
import type { OutputPlan } from '../publish/check-outputs.ts'
import { pushNames } from '../publish/output-names.ts'
import type { Session } from './open.ts'
import type { SessionRequest } from './types.ts'

/** How long a registry may think about a question of the plan. Milliseconds. */
const PATIENCE = 10_000
/** Repositories that are asked for at a time: each is a connection. */
const AT_A_TIME = 16

/** Whether every image that a stage reads from is there for its platform. Never throws but when canceled. */
export async function lookUpBases(
  targets: readonly TargetBuild[],
  { session, emit, signal }: { readonly session: Session; readonly emit: Emit; readonly signal: AbortSignal },
): Promise<BaseAvailability[]> {
  const images = createImages({
    store: session.store,
    registry: session.registry,
    cwd: session.options.cwd,
    emit,
    pull: session.requests.some(({ options }) => options.pull),
  })
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const wanted = new Map<string, Promise<BaseAvailability>>()
  for (const {
    graph,
    options: { buildContexts },
  } of targets) {
    for (const stage of graph.stages) {
      for (const source of [stage.base, ...Object.values(stage.froms)]) {
        if (source.kind !== 'image' && source.kind !== 'context') continue
        const platform = source.platform ?? stage.platform
        const context =
          source.kind === 'image' ? ({ kind: 'image', ref: source.ref } as const) : buildContexts[source.name]
        if (context?.kind !== 'image' && context?.kind !== 'oci-layout') continue
        const name = context.kind === 'image' ? context.ref : `oci-layout://${context.path}`
        const key = `${name} ${platformKey(platform)}`
        if (!wanted.has(key)) wanted.set(key, lookUp(images, context, { name, platform, signal: patience }))
      }
    }
  }
  const found = await Promise.all(wanted.values())
  signal.throwIfAborted()
  return found
}

async function lookUp(
  images: Images,
  context: { readonly kind: 'image'; readonly ref: string } | Parameters<Images['fromLayout']>[0],
  {
    name: image,
    platform,
    signal,
  }: { readonly name: string; readonly platform: Platform; readonly signal: AbortSignal },
): Promise<BaseAvailability> {
  try {
    const { manifest } = await (context.kind === 'image'
      ? images.fromRegistry(context.ref, platform, signal)
      : images.fromLayout(context, platform, signal))
    return { image, platform, status: 'found', detail: manifest.digest }
  } catch (thrown) {
    const { code, message } = toXbuildError(thrown)
    const missing = code === 'NO_PLATFORM' || code === 'NOT_FOUND' || code === 'BAD_REFERENCE'
    return {
      image,
      platform,
      status: missing ? 'missing' : 'unknown',
      detail: signal.aborted ? `no answer in ${PATIENCE / 1000} s` : message,
    }
  }
}

/** Asks every registry whether the result may be pushed there; nothing is stored. */
export async function checkPushes(
  plans: readonly OutputPlan[],
  { registry }: Pick<Session, 'registry'>,
  signal: AbortSignal,
  limit: Limit = createLimit(AT_A_TIME),
): Promise<(PushRight & { readonly error?: XbuildError })[]> {
  const tags = plans.flatMap(pushNames)
  const repositories = new Map(tags.map(({ host, repository }) => [`${host}/${repository}`, { host, repository }]))
  return Promise.all(
    [...repositories.values()].map(async (ref) => {
      const repository = formatReference(ref)
      try {
        await limit(() => registry.checkPush(ref, { signal }))
        return { repository, status: 'allowed' as const }
      } catch (thrown) {
        const error = toXbuildError(thrown)
        return {
          repository,
          status: error.code === 'AUTH' ? ('refused' as const) : ('unknown' as const),
          detail: error.message,
          error,
        }
      }
    }),
  )
}

/** How the rights of one request are asked for: some repositories at a time. */
export function askPushRights(
  session: Pick<Session, 'registry'>,
  { emit, signal }: { readonly emit: Emit; readonly signal: AbortSignal },
): (request: SessionRequest) => Promise<void> {
  const limit = createLimit(AT_A_TIME)
  const told = new Set<string>()
  const warn = (message: string) => {
    if (!told.has(message) && !signal.aborted) emit({ type: 'warning', message, at: Date.now() })
    told.add(message)
  }
  return (request) => requirePushRights(checkPushes([request.outputs], session, signal, limit), warn)
}

/**
 * Nothing is built in vain: a push that will be refused ends the build before it starts. A registry that is down may
 * be up again by then, so that is a warning.
 */
async function requirePushRights(
  rights: ReturnType<typeof checkPushes>,
  warn: (message: string) => void,
): Promise<void> {
  const answers = await rights
  const refused = answers.find(({ status }) => status === 'refused')
  if (refused?.error) throw refused.error
  for (const { status, detail = '' } of answers)
    if (status === 'unknown') warn(`${detail}. The build goes on, and pushes at its end; nothing that it made is lost`)
}
