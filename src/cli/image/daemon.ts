import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openArchive } from '../../content/archive-files.ts'
import { engineFailure } from '../../driver/docker/engine.ts'
import { readSavedImage } from '../../driver/docker/read-image.ts'
import { XbuildError } from '../../errors.ts'
import { pipeToFile } from '../../host/pipe-to-file.ts'
import { layoutSource } from '../../image/layout-source.ts'
import type { ImageSource } from '../../image/source.ts'
import { connectDocker } from '../../nodes/connect.ts'
import { currentEngine } from '../../nodes/docker-config.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { openStore } from '../../store/store.ts'
import type { Terminal } from '../terminal.ts'

interface Saved {
  readonly name: string
  /** For temporary files. */
  readonly folder: string
  readonly signal: AbortSignal
  remove(): Promise<void>
}

/** Engines since Docker 25 save an OCI layout; what others save is read as a base image is. */
async function openSaved(file: string, { name, folder, signal, remove }: Saved): Promise<ImageSource> {
  const files = await openArchive(file, name).catch((error: unknown) => {
    if (error instanceof XbuildError && error.code === 'BAD_IMAGE') return undefined
    throw error
  })
  if (files)
    return layoutSource(files, undefined, async () => {
      await files.close()
      await remove()
    })
  const store = await openStore(join(folder, 'store'))
  const { descriptor } = await readSavedImage(createReadStream(file), { store, endpoint: name, signal })
  const { mediaType, digest, size } = descriptor
  const document = ({ digest: wanted }: Descriptor) => readFile(store.blobs.path(wanted))
  return {
    name,
    root: async () => ({ descriptor: { mediaType, digest, size }, bytes: await document(descriptor) }),
    document,
    blob: async ({ digest: wanted }, start) => createReadStream(store.blobs.path(wanted), { start }),
    blobSize: async ({ digest: wanted }) =>
      stat(store.blobs.path(wanted)).then(
        (found) => found.size,
        () => undefined,
      ),
    referrers: async () => ({ listed: true, manifests: [] }),
    close: remove,
  }
}

/** An image of the Docker Engine, saved to a file that is removed with it. Throws NODE, NOT_FOUND. */
export async function daemonSource(
  name: string,
  { env, signal }: { readonly env: Terminal['env']; readonly signal: AbortSignal },
): Promise<ImageSource> {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-save-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const file = join(folder, 'image.tar')
    const engine = await connectDocker(await currentEngine(env), { env, signal })
    try {
      signal.throwIfAborted()
      const saved = (await engine.api.getImage(name).get()) as unknown as AsyncIterable<Uint8Array>
      await pipeToFile([saved], file, { flags: 'wx', signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : engineFailure(engine.endpoint, error)
    } finally {
      await engine.close()
    }
    return await openSaved(file, { name: `docker-daemon:${name}`, folder, signal, remove })
  } catch (error) {
    await remove()
    throw error
  }
}
