import { createReadStream } from 'node:fs'
import { constants } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { digestVerifier, parseDigest, sha256 } from '../oci/digest.ts'
import { MAX_CONFIG_BYTES } from '../oci/read-image-config.ts'
import { parseIndex } from '../oci/read-manifest.ts'
import type { ImageOrigin } from './image-origin.ts'

const HINT = 'The layout is damaged or incomplete: export it again'

/**
 * An image of an OCI layout folder (image-spec image-layout.md): the one named `ref`, by tag or digest, or the only
 * one.
 */
export function layoutOrigin(path: string, ref: string | undefined): ImageOrigin {
  const name = `oci-layout://${path}${ref === undefined ? '' : ref.startsWith('sha256:') ? `@${ref}` : `:${ref}`}`

  async function fileOf(descriptor: Descriptor): Promise<string> {
    const file = join(path, 'blobs', ...parseDigest(descriptor.digest).split(':'))
    const found = await stat(file).catch(() => undefined)
    if (!found)
      throw new XbuildError('NOT_FOUND', `Cannot read "${name}": the blob ${descriptor.digest} is missing`, {
        hint: HINT,
      })
    if (!found.isFile() || found.size !== descriptor.size) {
      throw new XbuildError(
        'DIGEST_MISMATCH',
        `Cannot read "${name}": ${descriptor.digest} has ${found.size} bytes, not ${descriptor.size}`,
        { hint: HINT },
      )
    }
    return file
  }

  const document = async (descriptor: Descriptor) => readFile(await fileOf(descriptor))

  return {
    name,
    async root() {
      const bytes = await readIndex(join(path, 'index.json')).catch((cause: unknown) => {
        if (cause instanceof XbuildError) throw cause
        throw new XbuildError('NOT_FOUND', `Cannot read "${name}": there is no index.json`, {
          cause,
          hint: 'Name the folder of an OCI image layout',
        })
      })
      const listed = { mediaType: MEDIA_TYPE.index, digest: sha256(bytes), size: bytes.length }
      const index = parseIndex(bytes, listed)
      const wanted =
        ref === undefined
          ? index.manifests
          : index.manifests.filter((manifest) => manifest.digest === ref || nameOf(manifest) === ref)
      if (wanted.length === 0) {
        const names = index.manifests.map((manifest) => nameOf(manifest) ?? manifest.digest)
        throw new XbuildError(
          'NOT_FOUND',
          `Cannot find "${ref ?? 'an image'}" in "oci-layout://${path}": it has ${names.join(', ') || 'nothing'}`,
          {
            hint: 'Write oci-layout://FOLDER:TAG or oci-layout://FOLDER@DIGEST',
          },
        )
      }
      // Several entries without a name to choose by: the layout itself is the list of platforms.
      if (wanted.length > 1) return { descriptor: listed, bytes }
      const [descriptor] = wanted as [Descriptor]
      const root = await document(descriptor)
      const verifier = digestVerifier(descriptor.digest)
      verifier.update(root)
      if (!verifier.ok())
        throw new XbuildError(
          'DIGEST_MISMATCH',
          `Cannot read "${name}": the content of the blob ${descriptor.digest} does not match its digest`,
          { hint: HINT },
        )
      return { descriptor, bytes: root }
    },
    document,
    blob: async (descriptor, offset) =>
      createReadStream(await fileOf(descriptor), { start: offset, highWaterMark: 1 << 20 }),
  }
}

/** A layout may come from a stranger: what never ends is no index. */
async function readIndex(path: string): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const found = await handle.stat()
    if (!found.isFile() || found.size > MAX_CONFIG_BYTES)
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot read "${path}": it is not a regular file of at most ${MAX_CONFIG_BYTES} bytes`,
        {
          hint: HINT,
        },
      )
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

const nameOf = (manifest: Descriptor) => manifest.annotations?.['org.opencontainers.image.ref.name']
