import { Readable } from 'node:stream'
import { XbuildError } from '../../errors.ts'
import { type DockerEngine, engineFailure } from './engine.ts'
import { jsonLines } from './json-lines.ts'

/**
 * Loads an archive, as `docker save` writes it, into an engine; gives back the names or ids that it tells. Throws
 * NODE.
 */
export async function loadImage(
  engine: DockerEngine,
  tar: AsyncIterable<Uint8Array>,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const body = Readable.from(tar)
  let broken: unknown
  body.on('error', (error) => (broken ??= error))
  const names: string[] = []
  let failure: string | undefined
  try {
    const api = engine.api as unknown as { loadImage(body: Readable, options: object): Promise<AsyncIterable<Buffer>> }
    for await (const message of jsonLines(await api.loadImage(body, { quiet: true, abortSignal: signal }))) {
      const { stream, error } = message as { stream?: unknown; error?: unknown }
      const name = /^Loaded image(?: ID)?(?:\(s\))?: (.+?)\s*$/.exec(String(stream ?? ''))?.[1]
      if (name !== undefined) names.push(...name.split(/,\s*/))
      if (typeof error === 'string') failure = error
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw broken ?? engineFailure(engine.endpoint, error)
  } finally {
    body.destroy()
  }
  if (broken) throw broken
  if (failure !== undefined)
    throw new XbuildError('NODE', `Cannot load the image into "${engine.endpoint}": ${failure.trim()}`, {
      hint: 'See the log of the engine',
    })
  return [...new Set(names)]
}
