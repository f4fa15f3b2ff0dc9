import { open as openFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { resolve } from 'node:path'
import type { CreateCommand } from '../../config/image-command.ts'
import { parseSource } from '../../config/read-image-command.ts'
import { XbuildError } from '../../errors.ts'
import { createImage, type CreateSource } from '../../image/create.ts'
import { registrySource } from '../../image/registry-source.ts'
import type { Descriptor, Digest } from '../../oci/descriptor.ts'
import type { ImageName } from '../../oci/image-name.ts'
import { readJson } from '../../oci/json-reader.ts'
import { readDescriptor } from '../../oci/read-manifest.ts'
import type { Reference } from '../../oci/reference.ts'
import { metadataOf } from '../../publish/metadata.ts'
import { writeText } from '../../publish/publish.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages, type ImageEdges } from './open.ts'

const MAX_FILE = 1 << 20

/** `xbuild image create`: the digest on stdout, or with `--dry-run` the index that would be pushed. */
export async function runCreate(command: CreateCommand, terminal: Terminal): Promise<number> {
  const { tags, dryRun, metadataFile, cwd } = command
  const set = await withImages(command, terminal, async (edges) => {
    const sources: CreateSource[] = []
    for (const file of command.files) sources.push(await sourceOfFile(file, command, { edges, terminal }))
    for (const source of command.sources) sources.push(await sourceOf(source, tags, edges))
    return createImage({ ...command, ...edges, sources })
  })
  if (metadataFile !== undefined)
    await writeText(resolve(cwd, metadataFile), `${JSON.stringify(metadataOf(set, tags), null, 2)}\n`)
  const { bytes, descriptor } = set.root
  await print(
    terminal.stdout,
    dryRun ? `${JSON.stringify(JSON.parse(bytes.toString()), null, 2)}\n` : `${descriptor.digest}\n`,
  )
  return 0
}

async function sourceOf(
  source: ImageName | Digest,
  tags: readonly Reference[],
  { open, registry }: ImageEdges,
): Promise<CreateSource> {
  if (typeof source !== 'string') return { source: await open(source) }
  const at = repositoryOf(tags, source)
  return { source: registrySource({ ...at, digest: source }, registry, { direct: true }) }
}

/** The one repository of the tags, which digests without a name are of. Throws BAD_OPTION. */
function repositoryOf(tags: readonly Reference[], digest: Digest): Reference {
  const [first] = tags
  const isOne = first && tags.every(({ host, repository }) => host === first.host && repository === first.repository)
  if (isOne) return { host: first.host, repository: first.repository }
  throw new XbuildError('BAD_OPTION', `Cannot find "${digest}": its repository is not known`, {
    hint: first ? `Write it like ${first.host}/${first.repository}@${digest}` : 'Write it like NAME@DIGEST',
  })
}

async function sourceOfFile(
  file: string,
  { tags, cwd }: CreateCommand,
  { edges, terminal }: { readonly edges: ImageEdges; readonly terminal: Terminal },
): Promise<CreateSource> {
  const bytes = file === '-' ? await readAll(terminal.stdin, file) : await readSmall(resolve(cwd, file), file)
  const text = bytes.toString().trim()
  if (text === '') throw new XbuildError('BAD_OPTION', `Cannot read "${file}": it is empty`)
  if (!text.startsWith('{')) return sourceOf(parseSource(text), tags, edges)
  const descriptor = descriptorIn(bytes, file)
  const { registry } = edges
  const at = repositoryOf(tags, descriptor.digest)
  return { source: registrySource({ ...at, digest: descriptor.digest }, registry, { direct: true }), descriptor }
}

/** A descriptor, or what holds one: a metadata file of a build. */
function descriptorIn(bytes: Buffer, file: string): Descriptor {
  const json = readJson(bytes, { what: `descriptor "${file}"`, maxBytes: MAX_FILE })
  const inside = json.get('containerimage.descriptor')
  return inside.optional(readDescriptor) ?? readDescriptor(json)
}

async function readSmall(path: string, shown: string): Promise<Buffer> {
  const handle = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new XbuildError(
        'NOT_FOUND',
        `Cannot read "${shown}": ${cause.code === 'ENOENT' ? 'no such file' : cause.message}`,
        { cause },
      )
    },
  )
  try {
    return await readAll(handle.createReadStream({ autoClose: false }), shown)
  } finally {
    await handle.close()
  }
}

async function readAll(stream: NodeJS.ReadableStream, shown: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(Buffer.from(chunk))
    if ((size += chunk.length) > MAX_FILE)
      throw new XbuildError('BAD_OPTION', `Cannot read "${shown}": it is larger than ${MAX_FILE >> 20} MiB`)
  }
  return Buffer.concat(chunks)
}
