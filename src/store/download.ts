import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { XbuildError } from '../errors.ts'
import { createRoomMeter } from '../host/disk-room.ts'
import { pipeToFile } from '../host/pipe-to-file.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex, parseDigest } from '../oci/digest.ts'
import { isFull } from './failure.ts'
import type { StoreFolder } from './folder.ts'
import { goneProcesses, markedName } from './leftovers.ts'

/** Gives the content from a byte offset on. */
export type OpenSource = (offset: number) => Promise<NodeJS.ReadableStream>

/** How a transfer is watched and stopped; `current` counts bytes from the start of the content. */
export interface TransferOptions {
  readonly signal: AbortSignal
  readonly onProgress?: (current: number) => void
}

/**
 * Fills a file of `ingest` with a descriptor's content and hands it to `finish`. What a broken transfer left is kept
 * for the next one, but neither bytes that are wrong nor what fills a full disk. Throws DIGEST_MISMATCH.
 */
export async function download(
  folder: StoreFolder,
  descriptor: Descriptor,
  options: TransferOptions & { readonly source: OpenSource; readonly finish: (part: string) => Promise<void> },
): Promise<void> {
  const hex = digestHex(parseDigest(descriptor.digest))
  await mkdir(folder.ingest, { recursive: true, mode: 0o700 })
  const part = await claimPart(folder, hex)
  try {
    await fill(part, descriptor, options)
    await options.finish(part)
  } catch (error) {
    const isUseless = isFull(error) || (error instanceof XbuildError && USELESS.has(error.code))
    if (isUseless) await rm(part, { force: true })
    // Given back under the common name, so that the next try can go on from here.
    else await rename(part, join(folder.ingest, `${hex}.part`)).catch(() => undefined)
    throw error
  }
}

/** The bytes are wrong, or there is no room for them. */
const USELESS: ReadonlySet<string> = new Set(['DIGEST_MISMATCH', 'HOST'])

async function fill(
  part: string,
  { digest, size }: Descriptor,
  { source, signal, onProgress }: Parameters<typeof download>[2],
): Promise<void> {
  const hash = createHash(digestAlgorithm(digest))
  const there = (await stat(part).catch(() => undefined))?.size ?? 0
  let current = there > size ? 0 : there
  if (current > 0) for await (const chunk of createReadStream(part, { end: current - 1 })) hash.update(chunk as Buffer)
  if (current < size || size === 0) {
    const makeRoom = createRoomMeter(dirname(part), { what: 'download into' })
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        current += chunk.length
        if (current > size)
          return done(
            new XbuildError('DIGEST_MISMATCH', `Cannot store ${digest}: more than ${size} bytes arrived`, {
              hint: HINT,
            }),
          )
        hash.update(chunk)
        onProgress?.(current)
        try {
          makeRoom(chunk.length)
          done(null, chunk)
        } catch (error) {
          done(error as Error)
        }
      },
    })
    await pipeToFile([await source(current), meter], part, {
      flags: current > 0 ? 'a' : 'w',
      mode: 0o600,
      signal,
    })
  }
  if (current < size)
    throw new XbuildError('REGISTRY', `Cannot store ${digest}: only ${current} of ${size} bytes arrived`, {
      hint: 'Try again: it goes on from here',
    })
  const found = `${digestAlgorithm(digest)}:${hash.digest('hex')}`
  if (found !== digest)
    throw new XbuildError('DIGEST_MISMATCH', `Cannot store ${digest}: the bytes that arrived are ${found}`, {
      hint: HINT,
    })
  const handle = await open(part, 'r')
  await handle.sync().finally(() => handle.close())
}

const HINT = 'The source or something between changes the content: try again, or use another source'

/**
 * Takes what an earlier transfer left, if nobody is at it: a part that is being written carries the mark of
 * its process.
 */
async function claimPart(folder: StoreFolder, hex: string): Promise<string> {
  const mine = join(folder.ingest, `${hex}.${markedName('part')}.part`)
  const isGone = goneProcesses(folder)
  for (const name of await readdir(folder.ingest)) {
    if (!name.startsWith(`${hex}.`)) continue
    const owner = name.slice(hex.length + 1)
    if (owner !== 'part' && !isGone(owner)) continue
    const claimed = await rename(join(folder.ingest, name), mine).then(
      () => true,
      () => false, // somebody else was faster
    )
    if (claimed) break
  }
  return mine
}
