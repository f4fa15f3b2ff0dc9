import type { BuiltImage } from '../../content/built-image.ts'
import { XbuildError } from '../../errors.ts'
import type { Platform } from '../../platform.ts'
import type { EngineImages } from '../engine-images.ts'
import type { RemoteBuild } from '../remote-build.ts'
import type { Daemon } from './daemon.ts'
import { ABILITY } from './facts.ts'
import { pushedImage, storedImage } from './result.ts'
import type { GivenBlobs } from './session/given.ts'

/** How a daemon is asked for its result: an exporter of BuildKit and what it is told. */
export interface Exporter {
  readonly Exporter: string
  readonly ExporterAttrs: Readonly<Record<string, string>>
}

/** The exporter for a result that is called `name` where it needs a name. Throws UNSUPPORTED. */
export function exporterOf(
  daemon: Daemon,
  remote: RemoteBuild,
  { name, warn }: { readonly name: string; readonly warn: (message: string) => void },
): Exporter {
  const { facts, options } = daemon
  const { sourceDateEpoch } = remote.options
  const clamps = facts.givesOci && facts.abilities.has(ABILITY.timestamps)
  if (sourceDateEpoch !== undefined && !clamps)
    warn(
      `${daemon.endpoint} does not apply SOURCE_DATE_EPOCH to the files of layers: this needs the containerd image store and BuildKit 0.13`,
    )
  if (!facts.givesOci) {
    engineImages(daemon, remote)
    return { Exporter: 'moby', ExporterAttrs: { name } }
  }
  const stamp: Record<string, string> = sourceDateEpoch === undefined ? {} : { 'rewrite-timestamp': 'true' }
  const { pushTo } = options
  if (!pushTo)
    return {
      Exporter: 'oci',
      ExporterAttrs: { ...stamp, ...(facts.abilities.has(ABILITY.blobByBlob) ? { tar: 'false' } : {}) },
    }
  return {
    Exporter: 'image',
    ExporterAttrs: {
      ...stamp,
      ...(pushTo.insecure ? { 'registry.insecure': 'true' } : {}),
      name: pushTo.repository,
      push: 'true',
      'push-by-digest': 'true',
      'oci-mediatypes': 'true',
      store: 'false',
    },
  }
}

/** What a daemon answered when it had built, and where its result is. */
export interface Answered {
  readonly answer: Readonly<Record<string, string>>
  readonly name: string
  readonly remote: RemoteBuild
  readonly platform: Platform
  readonly given: GivenBlobs
  readonly signal: AbortSignal
}

/** The result of a build from where its exporter put it. Throws UNSUPPORTED, BAD_IMAGE. */
export async function takeResult(daemon: Daemon, answered: Answered): Promise<BuiltImage> {
  if (!daemon.facts.givesOci) return imageOfEngine(daemon, answered)
  const { answer, remote, platform, given, signal } = answered
  const digest = answer['containerimage.digest']
  if (digest === undefined)
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot take the result of "${daemon.endpoint}": the daemon did not return its digest`,
      { hint: 'This BuildKit is too old: update it' },
    )
  const { pushTo } = daemon.options
  return pushTo
    ? pushedImage(answer, platform, pushTo)
    : storedImage(digest, platform, { store: remote.store, given, signal })
}

async function imageOfEngine(daemon: Daemon, { name, remote, platform, signal }: Answered): Promise<BuiltImage> {
  const images = engineImages(daemon, remote)
  let image: BuiltImage | undefined
  try {
    image = await images.read(name, { signal, platform })
    return image
  } finally {
    await daemon.kept.settle(name, { images, options: remote.options, image })
  }
}

/** The images of the engine that the daemon is part of. Throws UNSUPPORTED. */
export function engineImages({ options, endpoint }: Daemon, remote: RemoteBuild): EngineImages {
  if (options.images) return options.images(remote)
  throw new XbuildError(
    'UNSUPPORTED',
    `Cannot take results from "${endpoint}": its BuildKit exports only to the image store of its engine`,
  )
}
