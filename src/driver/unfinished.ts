import { resolve } from 'node:path'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { NamedContext } from '../config/options.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { parseManifest } from '../oci/read-manifest.ts'
import { parseReference } from '../oci/reference.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { platformKey } from '../platform.ts'
import type { RegistryClient } from '../registry/types.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { BuiltImage } from './driver.ts'
import { blobsOf } from './embedded/embedded.ts'
import { openContext } from './embedded/context.ts'
import { layoutOrigin } from './embedded/layout-origin.ts'
import type { MainContext } from './embedded/main-context.ts'
import { repositoryBlobs } from './repository-blobs.ts'
import type { TargetBuild } from './target.ts'

/** What a build that failed as a whole leaves for the next one: the images of the platforms that did not fail. */
export interface Unfinished {
  /** The image of a target, when the run before built it of the same inputs and failed elsewhere. */
  find(target: TargetBuild, signal: AbortSignal): Promise<BuiltImage | undefined>
  /** Keeps an image for the next run; nothing is kept of what may have changed since `started` (milliseconds), or cannot be compared. */
  keep(target: TargetBuild, image: BuiltImage, options: { readonly started: number; readonly signal: AbortSignal }): Promise<void>
  /** The build succeeded: the next one starts afresh. */
  forget(): Promise<void>
}

interface Entry {
  readonly inputs?: string
  readonly descriptor?: Descriptor
  /** The repository that has it, when the store has not. */
  readonly repository?: string
}

const KIND = 'unfinished'

/** Opens what earlier runs of this build left. Looking costs one small file per target. */
export function openUnfinished({ store, registry, main }: { readonly store: Store; readonly registry: RegistryClient; readonly main: MainContext }): Unfinished {
  const found = new Set<string>()
  return {
    async find(target, signal) {
      const key = identityOf(target)
      const entry = await store.records.get<Entry>(KIND, key)
      if (!entry?.inputs || !entry.descriptor) return undefined
      found.add(key)
      const inputs = await inputsOf(target, { store, registry, main, signal }).catch(() => undefined)
      return inputs?.key === entry.inputs ? taken(entry.descriptor, entry.repository, signal) : undefined
    },
    async keep(target, image, { started, signal }) {
      const [repository] = (await storedImage(image.descriptor, store, signal)) ? [] : await image.blobs.origins(image.descriptor)
      const inputs = await inputsOf(target, { store, registry, main, signal }).catch(() => undefined)
      if (!inputs || inputs.newest >= started) return
      await store.records.put(KIND, identityOf(target), { inputs: inputs.key, descriptor: image.descriptor, ...(repository === undefined ? {} : { repository }) } satisfies Entry)
    },
    async forget() {
      for (const key of found) await store.records.put(KIND, key, {} satisfies Entry)
    },
  }

  async function taken(descriptor: Descriptor, repository: string | undefined, signal: AbortSignal): Promise<BuiltImage | undefined> {
    if (repository === undefined) return storedImage(descriptor, store, signal)
    const blobs = repositoryBlobs(parseReference(repository), registry, signal)
    try {
      const { config } = parseManifest(await buffer(await blobs.read(descriptor)), descriptor)
      return { descriptor, config: parseImageConfig(await buffer(await blobs.read(config)), config), blobs }
    } catch {
      return undefined
    }
  }
}

/** Which target of which build it is, whatever its inputs are. */
function identityOf({ platform, options, file }: TargetBuild): string {
  return keyOf([options.cwd, options.context, file.shown, options.target ?? '', platformKey(platform)])
}

interface InputEdges {
  readonly store: Store
  readonly registry: RegistryClient
  readonly main: MainContext
  readonly signal: AbortSignal
}

/** Everything that decides what a target becomes, as one key; undefined when some of it cannot be compared. `newest`: the last change of a file. */
async function inputsOf({ platform, options, file, graph }: TargetBuild, edges: InputEdges): Promise<{ readonly key: string; readonly newest: number } | undefined> {
  const { noCache, noCacheFilter = [], secrets, ssh, cacheTo } = options
  const remote = graph.stages.some(({ stage }) => stage.instructions.some((one) => one.kind === 'copy' && JSON.stringify(one).includes('://')))
  if (noCache || noCacheFilter.length > 0 || secrets || ssh || cacheTo.length > 0 || remote || edges.main.vertex) return undefined
  const images = new Set(graph.stages.flatMap(({ base, froms }) => [base, ...Object.values(froms)]).flatMap((source) => (source.kind === 'image' ? [source.ref] : [])))
  const bases = await Promise.all([...images].sort().map((ref) => digestOf({ kind: 'image', ref }, options.cwd, edges)))
  const contexts = await Promise.all(Object.entries(options.buildContexts).sort().map(async ([name, context]) => [name, await digestOf(context, options.cwd, edges)] as const))
  const path = resolve(options.cwd, options.context)
  const context = await openContext(path, { records: edges.store.records, ignoreFiles: file.path === undefined ? [] : [`${file.path}.dockerignore`] })
  const { selected, digest } = await context.select(['.'], [])
  const named = contexts.flatMap(([, one]) => (typeof one === 'object' ? [one.newest] : []))
  const newest = Math.max(0, ...named, ...selected.flatMap(({ entries }) => entries.map(({ ctimeMs }) => ctimeMs)))
  const { target, buildArgs, labels, network, addHosts, ulimits, shmSize, sourceDateEpoch } = options
  const facts = [file.text, platformKey(platform), target ?? '', buildArgs, labels, network ?? '', addHosts ?? [], ulimits ?? [], shmSize ?? 0, sourceDateEpoch ?? -1, bases, contexts, digest]
  return { key: keyOf(facts), newest }
}

async function digestOf(context: NamedContext, cwd: string, { registry, store, signal }: InputEdges): Promise<string | { readonly digest: string; readonly newest: number }> {
  switch (context.kind) {
    case 'image':
      return (await registry.manifest(parseReference(context.ref), { signal })).descriptor.digest
    case 'oci-layout':
      return (await layoutOrigin(resolve(cwd, context.path), context.ref).root(signal)).descriptor.digest
    case 'dir': {
      const { selected, digest } = await (await openContext(resolve(cwd, context.path), { records: store.records, ignoreFiles: [] })).select(['.'], [])
      return { digest, newest: Math.max(0, ...selected.flatMap(({ entries }) => entries.map(({ ctimeMs }) => ctimeMs))) }
    }
    case 'remote':
      throw new Error('what is elsewhere may change')
  }
}

/** An image of the store, if all of it is there. */
async function storedImage(descriptor: Descriptor, store: Store, signal: AbortSignal): Promise<BuiltImage | undefined> {
  try {
    const manifest = parseManifest(await readFile(store.blobs.path(descriptor.digest)), descriptor)
    const config = parseImageConfig(await readFile(store.blobs.path(manifest.config.digest)), manifest.config)
    for (const layer of manifest.layers) if (!(await store.blobs.has(layer.digest, layer.size))) return undefined
    return { descriptor, config, blobs: blobsOf({ layers: [] }, { store, signal }) }
  } catch {
    return undefined
  }
}
