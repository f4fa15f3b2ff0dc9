import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RegistryConfig } from '../config/options.ts'
import { checked, readBlob } from '../content/read-blob.ts'
import { checkFetched, readFetched } from '../emulation/packs/fetched.ts'
import { manifestText, packName, packSize, type Pack } from '../emulation/packs/pack.ts'
import { removePack, verifyPack } from '../emulation/packs/pack-folder.ts'
import { readRecipes } from '../emulation/packs/recipes.ts'
import { hostTarget } from '../emulation/packs/targets.ts'
import { XbuildError } from '../errors.ts'
import { exists } from '../host/files.ts'
import { ownMark } from '../host/process-mark.ts'
import { parseAny } from '../image/any-manifest.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { digestHex, sha256 } from '../oci/digest.ts'
import { makeDocument } from '../oci/make-manifest.ts'
import { formatReference, parseReference, type Reference } from '../oci/reference.ts'
import { createRegistryClient } from '../registry/client.ts'
import type { RegistryClient, RemoteManifest } from '../registry/types.ts'
import type { Terminal } from './terminal.ts'

const SET = 'application/vnd.xbuild.packs.v1'
const PACK = 'application/vnd.xbuild.pack.v1'
const CONFIG = 'application/vnd.xbuild.pack.v1+json'
const FILE = 'application/vnd.xbuild.pack.file.v1'
const ABOUT = 'dev.xbuild.pack.'
const MAX_CONFIG = 1_000_000
const MAX_PACKS = 1000

/** What packs are published and fetched with. */
export interface PackRegistryEdges {
  readonly folder: string
  readonly registries: Readonly<Record<string, RegistryConfig>>
  readonly terminal: Pick<Terminal, 'env' | 'stderr'>
  readonly signal: AbortSignal
}

/** Publishes packs as one set; gives back its name with the digest, by which others pin it. */
export async function pushPacks(name: string, packs: readonly Pack[], edges: PackRegistryEdges): Promise<string> {
  const { signal } = edges
  const ref = parseReference(name)
  if (ref.digest) throw new XbuildError('BAD_OPTION', `Cannot push packs to "${name}": a digest is no name to push to`)
  return withClient(edges, async (client) => {
    const entries: Descriptor[] = []
    for (const pack of packs) {
      const wrong = await verifyPack(pack)
      if (wrong.length > 0) throw new XbuildError('BAD_IMAGE', `Cannot push pack "${pack.digest}": ${wrong.join(', ')}`)
      const { manifest } = pack
      const config = Buffer.from(manifestText(manifest))
      const layers: Descriptor[] = manifest.files.map(({ path, size, sha256 }) => ({
        ...{ mediaType: FILE, digest: `sha256:${sha256}`, size },
        annotations: { 'org.opencontainers.image.title': path },
      }))
      for (const [index, layer] of layers.entries())
        await client.pushBlob(ref, layer, {
          signal,
          open: () => createReadStream(join(pack.folder, manifest.files[index]!.path)),
        })
      const about: Descriptor = { mediaType: CONFIG, digest: sha256(config), size: config.length }
      await client.pushBlob(ref, about, { signal, open: () => Readable.from([config]) })
      const document = makeDocument(MEDIA_TYPE.manifest, {
        ...{ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, artifactType: PACK },
        ...{ config: about, layers },
      })
      const at = { host: ref.host, repository: ref.repository, digest: document.descriptor.digest }
      await client.pushManifest(at, document, { signal })
      entries.push({
        ...document.descriptor,
        artifactType: PACK,
        annotations: {
          [`${ABOUT}recipe`]: manifest.recipe,
          [`${ABOUT}source`]: `${manifest.source.name} ${manifest.source.version}`,
          [`${ABOUT}distribution`]: manifest.distribution,
          [`${ABOUT}architecture`]: manifest.architecture,
          [`${ABOUT}host`]: manifest.host,
          [`${ABOUT}digest`]: `sha256:${pack.digest}`,
        },
      })
    }
    const set = makeDocument(MEDIA_TYPE.index, {
      ...{ schemaVersion: 2, mediaType: MEDIA_TYPE.index, artifactType: SET },
      manifests: entries.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
    })
    await client.pushManifest(ref, set, { signal })
    return `${formatReference({ host: ref.host, repository: ref.repository })}@${set.descriptor.digest}`
  })
}

/** Fetches the packs of a set for this machine that are not there yet. The digest in its name is what is trusted. */
export async function pullPacks(
  name: string,
  architectures: readonly string[],
  edges: PackRegistryEdges,
): Promise<readonly Pack[]> {
  const ref = parseReference(name)
  if (!ref.digest)
    throw new XbuildError('BAD_OPTION', `Cannot pull packs of "${name}": it has no digest`, {
      hint: 'Write NAME@sha256:..., as xbuild pack push printed it: whoever writes to the tag runs programs in your builds',
    })
  const host = hostTarget()
  if (!host) throw new XbuildError('HOST', `Cannot use packs: there are none for ${process.arch} machines`)
  const recipes = await readRecipes()
  return withClient(edges, async (client) => {
    const { signal } = edges
    const set = await client.manifest(ref, { signal })
    const found: Pack[] = []
    const blobs = { read: (descriptor: Descriptor) => client.blob(ref, descriptor, { signal }) }
    for (const entry of entriesOf(set, name)) {
      const told = (what: string) => entry.annotations?.[`${ABOUT}${what}`]
      if (told('host') !== host.debian) continue
      if (architectures.length > 0 && !architectures.includes(told('architecture') ?? '')) continue
      const at: Reference = { host: ref.host, repository: ref.repository, digest: entry.digest }
      const config = configOf(await client.manifest(at, { signal }), name)
      const text = (await readBlob(blobs, config, MAX_CONFIG)).toString('utf8')
      found.push(await fetchPack(text, { client, ref, recipes, host, edges }))
    }
    return found
  })
}

type Fetching = {
  readonly client: RegistryClient
  readonly ref: Reference
  readonly recipes: Awaited<ReturnType<typeof readRecipes>>
  readonly host: NonNullable<ReturnType<typeof hostTarget>>
  readonly edges: PackRegistryEdges
}

async function fetchPack(text: string, { client, ref, recipes, host, edges }: Fetching): Promise<Pack> {
  const { folder: packs, signal, terminal } = edges
  const manifest = readFetched(text, { recipes, host })
  const digest = digestHex(sha256(text))
  const pack: Pack = { manifest, digest, folder: join(packs, digest) }
  if (await exists(pack.folder)) {
    if ((await verifyPack(pack)).length === 0) return pack
    await removePack(pack)
  }
  terminal.stderr.write(`Fetching ${packName(manifest)} for ${manifest.architecture} (${packSize(manifest)} bytes)\n`)
  await mkdir(packs, { recursive: true })
  const work = await mkdtemp(join(packs, `.tmp-${ownMark()}-`))
  try {
    const made = join(work, 'pack')
    await mkdir(join(made, 'bin'), { recursive: true })
    await mkdir(join(made, 'lib'))
    for (const { path, size, sha256: hash } of manifest.files) {
      const descriptor: Descriptor = { mediaType: FILE, digest: `sha256:${hash}`, size }
      const to = join(made, path)
      const body = checked(await client.blob(ref, descriptor, { signal }), descriptor)
      await pipeline(body, createWriteStream(to, { flags: 'wx' }), { signal })
      await chmod(to, path.startsWith('bin/') || path === 'lib/ld.so' ? 0o755 : 0o644)
    }
    await checkFetched(made, manifest, host)
    await writeFile(join(made, 'manifest.json'), text)
    await chmod(made, 0o755)
    await rename(made, pack.folder).catch(async (error: unknown) => {
      if ((await verifyPack(pack)).length > 0) throw error // else another process was quicker
    })
    return pack
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The packs of a set. */
function entriesOf({ bytes, descriptor }: RemoteManifest, name: string): readonly Descriptor[] {
  const { artifactType, manifests } = parseAny(bytes, descriptor)
  if (artifactType !== SET || !manifests || manifests.length > MAX_PACKS) throw noPacks(name)
  return manifests
}

/** What says what is in a pack. */
function configOf({ bytes, descriptor }: RemoteManifest, name: string): Descriptor {
  const { artifactType, config } = parseAny(bytes, descriptor)
  if (artifactType !== PACK || !config) throw noPacks(name)
  return config
}

function noPacks(name: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot pull packs of "${name}": it is no set of packs`, {
    hint: 'xbuild pack push makes one',
  })
}

async function withClient<T>(
  { registries, terminal: { env, stderr } }: PackRegistryEdges,
  work: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const client = createRegistryClient({ registries, env, onRetry: (text) => void stderr.write(`warning: ${text}\n`) })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}
