import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { RegistryConfig } from '../config/options.ts'
import { manifestText, packName, packSize, type Pack } from '../emulation/packs/pack.ts'
import { verifyPack } from '../emulation/packs/pack-folder.ts'
import { openPackSet, PACK_TYPE } from '../engine/fetch-packs.ts'
import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { sha256 } from '../oci/digest.ts'
import { makeDocument } from '../oci/make-manifest.ts'
import { formatReference, parseReference } from '../oci/reference.ts'
import { createRegistryClient } from '../registry/client.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { Terminal } from './terminal.ts'

const zip = promisify<Buffer, object, Buffer>(gzip)

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
    const push = async (mediaType: string, bytes: Buffer): Promise<Descriptor> => {
      const descriptor: Descriptor = { mediaType, digest: sha256(bytes), size: bytes.length }
      await client.pushBlob(ref, descriptor, { signal, open: () => Readable.from([bytes]) })
      return descriptor
    }
    const entries: Descriptor[] = []
    for (const pack of packs) {
      const wrong = await verifyPack(pack)
      if (wrong.length > 0) throw new XbuildError('BAD_IMAGE', `Cannot push pack "${pack.digest}": ${wrong.join(', ')}`)
      const { manifest } = pack
      const layers: Descriptor[] = []
      for (const { path } of manifest.files)
        layers.push({
          ...(await push(PACK_TYPE.zipped, await zip(await readFile(join(pack.folder, path)), { level: 6 }))),
          annotations: { [PACK_TYPE.title]: path },
        })
      const config = await push(PACK_TYPE.config, Buffer.from(manifestText(manifest)))
      const document = makeDocument(MEDIA_TYPE.manifest, {
        ...{ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, artifactType: PACK_TYPE.pack },
        ...{ config, layers },
      })
      const at = { host: ref.host, repository: ref.repository, digest: document.descriptor.digest }
      await client.pushManifest(at, document, { signal })
      const about = (what: string) => `${PACK_TYPE.about}${what}`
      entries.push({
        ...document.descriptor,
        artifactType: PACK_TYPE.pack,
        annotations: {
          [about('recipe')]: manifest.recipe,
          [about('source')]: `${manifest.source.name} ${manifest.source.version}`,
          [about('distribution')]: manifest.distribution,
          [about('architecture')]: manifest.architecture,
          [about('host')]: manifest.host,
          [about('digest')]: `sha256:${pack.digest}`,
        },
      })
    }
    const set = makeDocument(MEDIA_TYPE.index, {
      ...{ schemaVersion: 2, mediaType: MEDIA_TYPE.index, artifactType: PACK_TYPE.set },
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
  const { folder, signal, terminal } = edges
  const onFetch = ({ manifest }: Pack) =>
    void terminal.stderr.write(
      `Fetching ${packName(manifest)} for ${manifest.architecture} (${packSize(manifest)} bytes)\n`,
    )
  return withClient(edges, async (client) => {
    const set = await openPackSet(name, { client, signal })
    const found: Pack[] = []
    for (const entry of set.entries) {
      if (architectures.length > 0 && !architectures.includes(entry.architecture)) continue
      const pack = await set.fetch(entry, { folder, onFetch })
      if (pack) found.push(pack)
    }
    return found
  })
}

async function withClient<T>(
  { registries, terminal: { env, stderr } }: PackRegistryEdges,
  work: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const client = createRegistryClient({
    ...{ registries, env, reach: 'no-metadata' },
    onRetry: (text) => void stderr.write(`warning: ${text}\n`),
  })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}
