import { Readable, Transform, pipeline } from 'node:stream'
import { XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestAlgorithm } from '../oci/digest.ts'
import { type Reference, familiarReference } from '../oci/reference.ts'
import { type Endpoint, registryEndpoint } from './endpoint.ts'
import { RegistryFailure, discard, networkFailure, readUpTo } from './failure.ts'
import { ACCEPT, headerDigest, readManifest } from './manifest.ts'
import type { Connection } from './mirrors.ts'
import { hasBlob, pullScope } from './pull.ts'
import { BRIEF, ONCE, PATIENT, withRetries } from './retry.ts'
import { placeFrom } from './session.ts'
import type { OnProgress, PushBlobOptions, PushManifestOptions, RemoteManifest, TagCondition } from './types.ts'

// Beyond a few sources asking costs more than sending
const MAX_MOUNTS = 3

/**
 * Brings a blob into a repository the cheapest way there is: it is there, it is mounted from a neighbour, it is sent.
 */
export async function pushBlob(
  connection: Connection,
  ref: Reference,
  descriptor: Descriptor,
  options: PushBlobOptions,
): Promise<'exists' | 'mounted' | 'uploaded'> {
  const { signal } = options
  const endpoint = registryEndpoint(ref, connection.registries)
  const what = `push blob ${descriptor.digest} to "${familiarReference(ref)}"`
  const scopes = [pushScope(endpoint)]
  const sources = (options.mountFrom ?? []).filter((name) => name !== ref.repository).slice(0, MAX_MOUNTS)
  return withRetries(
    async () => {
      // Asked again before each try: an upload whose answer was lost may have arrived
      if (await hasBlob(connection, { endpoint, descriptor, what, scopes, signal })) return 'exists'
      let place: URL | undefined
      for (const source of sources) {
        const mount = await tryMount(source)
        if (mount === 'mounted') return 'mounted'
        place = mount ?? place
      }
      await upload(place ?? (await startUpload()))
      return 'uploaded'
    },
    { ...connection, signal, patience: PATIENT },
  )

  /**
   * A registry that cannot mount opens an upload instead (distribution-spec, "Mounting a blob from another
   * repository").
   */
  async function tryMount(source: string): Promise<'mounted' | URL | undefined> {
    try {
      const response = await connection.ask(endpoint, {
        what,
        method: 'POST',
        path: `blobs/uploads/?${new URLSearchParams({ mount: descriptor.digest, from: source })}`,
        scopes: [...scopes, pullScope({ repository: source })],
        expect: [201, 202],
        signal,
      })
      discard(response)
      return response.statusCode === 201 ? 'mounted' : uploadPlace(response.headers.location)
    } catch (error) {
      // Not being allowed to read the source only means that the blob has to be sent
      if (error instanceof RegistryFailure && error.transience === 'final') return undefined
      throw error
    }
  }

  async function startUpload(): Promise<URL> {
    const algorithm = digestAlgorithm(descriptor.digest)
    const path = `blobs/uploads/${algorithm === 'sha256' ? '' : `?digest-algorithm=${algorithm}`}`
    const response = await connection.ask(endpoint, { what, method: 'POST', path, scopes, expect: [202], signal })
    discard(response)
    return uploadPlace(response.headers.location)
  }

  function uploadPlace(location: string | undefined): URL {
    const place = placeFrom(location, new URL(`${endpoint.origin}/v2/${endpoint.repository}/blobs/uploads/`))
    if (place) return place
    throw new RegistryFailure('REGISTRY', `Cannot ${what}: ${endpoint.host} returned no valid upload location`, {
      transience: 'final',
    })
  }

  async function upload(place: URL): Promise<void> {
    // Added as text: rewriting the registry's own parameters could break a signature in them
    place.search += `${place.search ? '&' : '?'}digest=${encodeURIComponent(descriptor.digest)}`
    const response = await connection
      .ask(endpoint, {
        what,
        method: 'PUT',
        path: place,
        scopes,
        headers: { 'content-type': 'application/octet-stream' },
        body: {
          length: descriptor.size,
          open: async () => countedStream(await options.open(), descriptor, options.onProgress),
        },
        expect: [201, 204],
        signal,
      })
      .catch((error: unknown) => {
        throw error instanceof RegistryFailure && error.status === 404 ? begunAgain(error) : error
      })
    discard(response)
    const stored = headerDigest(response)
    if (
      stored !== undefined &&
      digestAlgorithm(stored) === digestAlgorithm(descriptor.digest) &&
      stored !== descriptor.digest
    ) {
      throw mismatch(what, endpoint, stored)
    }
  }
}

/** Puts a manifest and makes sure that the registry now answers with exactly these bytes. */
export async function pushManifest(
  connection: Connection,
  ref: Reference,
  manifest: RemoteManifest,
  { signal, when, once = false }: PushManifestOptions,
): Promise<void> {
  const { descriptor, bytes } = manifest
  const endpoint = registryEndpoint(ref, connection.registries)
  const what = `push "${familiarReference(ref)}"`
  const scopes = [pushScope(endpoint)]
  const path = `manifests/${ref.tag ?? descriptor.digest}`
  await withRetries(
    async () => {
      const response = await connection
        .ask(endpoint, {
          what,
          method: 'PUT',
          path,
          scopes,
          headers: { 'content-type': descriptor.mediaType, ...conditionHeaders(when) },
          body: { length: bytes.length, open: async () => Readable.from([bytes]) },
          expect: [200, 201, 202],
          signal,
        })
        .catch((error: unknown) => {
          throw when !== undefined && isConflict(error) ? changed(what, error) : error
        })
      await readUpTo(response, 64 * 1024).catch((error: unknown) => {
        throw networkFailure(what, endpoint.host, error, signal)
      })
      // Whoever tries once looks at the tag in any case, and others may have moved it since
      const stored = headerDigest(response) ?? (once ? descriptor.digest : await readBack())
      const comparable = digestAlgorithm(stored) === digestAlgorithm(descriptor.digest)
      if (comparable && stored !== descriptor.digest) throw mismatch(what, endpoint, stored)
    },
    { ...connection, signal, patience: once ? ONCE : PATIENT },
  )

  async function readBack() {
    const headers = { accept: ACCEPT.join(', ') }
    const response = await connection.ask(endpoint, {
      what,
      method: 'GET',
      path,
      scopes,
      headers,
      expect: [200],
      signal,
    })
    return (await readManifest(response, { what, host: endpoint.host, wanted: undefined, signal })).descriptor.digest
  }
}

function conditionHeaders(when: TagCondition | undefined): Readonly<Record<string, string>> {
  if (when === undefined) return {}
  return when === 'absent' ? { 'if-none-match': '*' } : { 'if-match': when.etag }
}

function isConflict(error: unknown): error is RegistryFailure {
  return error instanceof RegistryFailure && error.status === 412
}

function changed(what: string, cause: RegistryFailure): RegistryFailure {
  const details = { transience: 'final' as const, status: 412, facts: { httpStatus: 412 }, cause }
  return new RegistryFailure('TAG_CHANGED', `Cannot ${what}: the tag was changed meanwhile`, details)
}

/** Begins an upload and gives it up: whoever may do that may push. */
export async function checkPush(connection: Connection, ref: Reference, signal: AbortSignal): Promise<void> {
  const endpoint = registryEndpoint(ref, connection.registries)
  const what = `push to "${familiarReference(ref)}"`
  const scopes = [pushScope(endpoint)]
  await withRetries(
    async () => {
      const begun = await connection.ask(endpoint, {
        what,
        method: 'POST',
        path: 'blobs/uploads/',
        scopes,
        expect: [202],
        signal,
      })
      discard(begun)
      const place = placeFrom(
        begun.headers.location,
        new URL(`${endpoint.origin}/v2/${endpoint.repository}/blobs/uploads/`),
      )
      // Not every registry lets go of it at once; all do in time
      if (place)
        await connection
          .ask(endpoint, { what, method: 'DELETE', path: place, scopes, expect: [200, 202, 204, 404, 405], signal })
          .then(discard, () => undefined)
    },
    { ...connection, signal, patience: BRIEF },
  )
}

/** The right to write a repository, as token services write it. */
function pushScope(endpoint: Endpoint): string {
  return `repository:${endpoint.repository}:pull,push`
}

/** The source's bytes, counted: a file that changed its size would otherwise hang or corrupt the request. */
function countedStream(source: NodeJS.ReadableStream, { digest, size }: Descriptor, onProgress?: OnProgress): Readable {
  let sent = 0
  const wrong = (state: string) => new XbuildError('DIGEST_MISMATCH', `Cannot send ${digest}: its source ${state}`)
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.length
      if (sent > size) return done(wrong(`is longer than ${size} bytes`))
      onProgress?.(sent, size)
      done(null, chunk)
    },
    flush: (done) => done(sent === size ? null : wrong(`ends after ${sent} of ${size} bytes`)),
  })
  // Errors arrive at the reader of the counter; an early end of either closes the other
  return pipeline(source, counter, () => {})
}

/** An upload that the registry does not know any more: it ran out, or a proxy has sent the request twice. */
function begunAgain(error: RegistryFailure): RegistryFailure {
  return new RegistryFailure(error.code, error.message, { ...error, transience: 'transient', cause: error })
}

function mismatch(what: string, endpoint: Endpoint, stored: string): RegistryFailure {
  return new RegistryFailure(
    'DIGEST_MISMATCH',
    `Cannot ${what}: ${endpoint.host} stored it with the digest ${stored}`,
    {
      transience: 'final',
    },
  )
}
