import { XbuildError } from '../../errors.ts'
import { parseReference } from '../../oci/reference.ts'
import type { Credentials } from '../../registry/credentials.ts'
import { type DockerEngine, engineFailure } from './engine.ts'
import { jsonLines } from './json-lines.ts'
import { authOf } from './registry-auth.ts'

/** Lets an engine pull an image from its registry. Throws NODE, AUTH or NOT_FOUND in the engine's words. */
export async function pullImage(
  engine: DockerEngine,
  image: string,
  { signal, credentials }: { readonly signal: AbortSignal; readonly credentials?: Credentials },
): Promise<void> {
  const reference = parseReference(image)
  const auth = credentials ? await authOf(reference, credentials) : undefined
  const fromImage = image.includes('@') || /:[^/]+$/.test(image) ? image : `${image}:latest`
  let failure: string | undefined
  try {
    const stream = (await engine.api.createImage(
      (auth ?? {}) as never,
      { fromImage, abortSignal: signal } as never,
    )) as unknown as NodeJS.ReadableStream
    for await (const line of jsonLines(stream as AsyncIterable<Buffer>))
      failure = (line as { error?: string }).error ?? failure
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw engineFailure(engine.endpoint, error)
  }
  if (failure !== undefined)
    throw new XbuildError('NOT_FOUND', `Cannot pull "${image}" on "${engine.endpoint}": ${failure.trim()}`, {
      hint: 'Check the name, and whether that machine may pull it',
    })
}
