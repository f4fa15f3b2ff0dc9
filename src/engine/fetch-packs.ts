import { createWriteStream } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { checked, readBlob } from '../content/read-blob.ts'
import { checkFetched, readFetched } from '../emulation/packs/fetched.ts'
import { twinsIn, type Pack } from '../emulation/packs/pack.ts'
import { removePack, verifyPack } from '../emulation/packs/pack-folder.ts'
import { readRecipes } from '../emulation/packs/recipes.ts'
import { hostTarget } from '../emulation/packs/targets.ts'
import { XbuildError } from '../errors.ts'
import { exists } from '../host/files.ts'
import { ownMark } from '../host/process-mark.ts'
import { parseAny } from '../oci/any-manifest.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestHex, sha256 } from '../oci/digest.ts'
import { parseReference, type Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/types.ts'

/** Media types of packs in registries, and what the entries of a set say of each pack. */
export const PACK_TYPE = {
  set: 'application/vnd.xbuild.packs.v1',
  pack: 'application/vnd.xbuild.pack.v1',
  config: 'application/vnd.xbuild.pack.v1+json',
  file: 'application/vnd.xbuild.pack.file.v1',
  zipped: 'application/vnd.xbuild.pack.file.v1+gzip',
  about: 'dev.xbuild.pack.',
  title: 'org.opencontainers.image.title',
} as const

const MAX_CONFIG = 1_000_000
const MAX_PACKS = 1000
const MAX_FILES = 400

/** The packs of one set that run on this machine. */
export interface PackSet {
  readonly entries: readonly PackEntry[]
  /**
   * Fetches one into the folder of packs, unless it is there; nothing when it has no twin of the program that is asked
   * for. Throws BAD_IMAGE, DIGEST_MISMATCH.
   */
  fetch(entry: PackEntry, options: FetchOptions): Promise<Pack | undefined>
}

/** What a set says of a pack; the pack itself is checked. */
export interface PackEntry {
  readonly recipe: string
  readonly distribution: string
  /** GOARCH. */
  readonly architecture: string
  readonly descriptor: Descriptor
}

/** `id`: the build-id that it must have a twin of; nothing is fetched of a pack that has none. */
export interface FetchOptions {
  readonly folder: string
  readonly id?: string
  /** Told before files are fetched. */
  readonly onFetch?: (pack: Pack) => void
}

/** Opens a set of packs by the digest in its name, which is what is trusted. Throws BAD_OPTION without one. */
export async function openPackSet(
  name: string,
  { client, signal }: { readonly client: RegistryClient; readonly signal: AbortSignal },
): Promise<PackSet> {
  const ref = parseReference(name)
  if (!ref.digest)
    throw new XbuildError('BAD_OPTION', `Cannot pull packs of "${name}": it has no digest`, {
      hint: 'Write NAME@sha256:..., as xbuild pack push printed it: who can write the tag can run programs in your builds',
    })
  const host = hostTarget()
  if (!host) throw new XbuildError('HOST', `Cannot use packs: there are none for ${process.arch} machines`)
  const recipes = await readRecipes()
  const blobs = { read: (descriptor: Descriptor) => client.blob(ref, descriptor, { signal }) }

  async function entriesOf(): Promise<readonly PackEntry[]> {
    const { bytes, descriptor } = await client.manifest(ref, { signal })
    const { artifactType, manifests } = parseAny(bytes, descriptor)
    if (artifactType !== PACK_TYPE.set || !manifests || manifests.length > MAX_PACKS) throw noPacks(name)
    return manifests.flatMap((one) => {
      const annotation = (what: string) => one.annotations?.[`${PACK_TYPE.about}${what}`] ?? ''
      const [recipe, distribution, architecture] = [
        annotation('recipe'),
        annotation('distribution'),
        annotation('architecture'),
      ]
      return annotation('host') === host!.debian ? [{ recipe, distribution, architecture, descriptor: one }] : []
    })
  }

  async function fetch(entry: PackEntry, { folder: packs, id, onFetch }: FetchOptions): Promise<Pack | undefined> {
    const at: Reference = { host: ref.host, repository: ref.repository, digest: entry.descriptor.digest }
    const { bytes, descriptor } = await client.manifest(at, { signal })
    const { artifactType, config, layers } = parseAny(bytes, descriptor)
    if (artifactType !== PACK_TYPE.pack || !config || layers.length > MAX_FILES) throw noPacks(name)
    const text = (await readBlob(blobs, config, MAX_CONFIG)).toString('utf8')
    const manifest = readFetched(text, { recipes, host: host! })
    if (id !== undefined && !twinsIn(manifest).some((twin) => twin.id === id)) return undefined
    const digest = digestHex(sha256(text))
    const pack: Pack = { manifest, digest, folder: join(packs, digest) }
    if (await exists(pack.folder)) {
      if ((await verifyPack(pack)).length === 0) return pack
      await removePack(pack)
    }
    onFetch?.(pack)
    await mkdir(packs, { recursive: true })
    const work = await mkdtemp(join(packs, `.tmp-${ownMark()}-`))
    try {
      const made = join(work, 'pack')
      await mkdir(join(made, 'bin'), { recursive: true })
      await mkdir(join(made, 'lib'))
      for (const { path, size, sha256: hash } of manifest.files) {
        const own: Descriptor = { mediaType: PACK_TYPE.file, digest: `sha256:${hash}`, size }
        const layer = layers.find((one) => one.annotations?.[PACK_TYPE.title] === path) ?? own
        const to = join(made, path)
        // The digest that counts is that of the file: how it was packed is the registry's word
        if (layer.mediaType === PACK_TYPE.zipped) await unzip(layer, own, to)
        else await pipeline(checked(await blobs.read(own), own), sink(to), { signal })
        await chmod(to, path.startsWith('bin/') || path === 'lib/ld.so' ? 0o755 : 0o644)
      }
      await checkFetched(made, manifest, host!)
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

  async function unzip(layer: Descriptor, own: Descriptor, to: string): Promise<void> {
    const packed = checked(await blobs.read(layer), layer)
    await pipeline(packed, createGunzip(), (from) => checked(from, own), sink(to), { signal }).catch(
      (cause: unknown) => {
        if (!/^Z_/.test(String((cause as NodeJS.ErrnoException).code))) throw cause
        throw new XbuildError('BAD_IMAGE', `Cannot unpack "${layer.digest}" of "${name}": damaged`, { cause })
      },
    )
  }

  return { entries: await entriesOf(), fetch }
}

function sink(path: string): ReturnType<typeof createWriteStream> {
  return createWriteStream(path, { flags: 'wx' })
}

function noPacks(name: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot pull packs of "${name}": it is no set of packs`, {
    hint: 'xbuild pack push makes one',
  })
}
