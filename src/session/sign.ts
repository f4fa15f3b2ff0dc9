import { compact } from '../compact.ts'
import type { SignOptions } from '../config/sign.ts'
import { XbuildError } from '../errors.ts'
import { registryEndpoint } from '../registry/endpoint.ts'
import type { PublishOptions } from '../publish/publish-options.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** How the image of a request is signed, once it is in its registries; undefined: it is not. */
export type SignerOf = (request: SessionRequest) => PublishOptions['sign']

/**
 * Reads the keys of all requests, and finds the program or the token, before anything is built. Throws BAD_OPTION for
 * images that are not pushed or only appended, NOT_FOUND, HOST, AUTH.
 */
export async function openSigners(
  requests: readonly SessionRequest[],
  { env, signal }: Pick<BuildEdges, 'env' | 'signal'>,
): Promise<SignerOf> {
  const signers = new Map<SessionRequest, NonNullable<PublishOptions['sign']>>()
  for (const request of requests) {
    const { sign } = request.options
    if (!sign) continue
    checkSigned(request)
    signers.set(request, await openSigner(sign, request, { env, signal }))
  }
  return (request) => signers.get(request)
}

function checkSigned({ options, outputs }: SessionRequest): void {
  if (!outputs.outputs.some(({ type }) => type === 'registry'))
    throw new XbuildError('BAD_OPTION', 'Cannot sign the image: it is not pushed', { hint: 'Add --push' })
  if (options.append)
    throw new XbuildError('BAD_OPTION', 'Cannot sign an image that is appended to a tag: others still add to it', {
      hint: 'Sign the tag when all have appended: xbuild image sign [--key FILE] REF',
    })
}

async function openSigner(
  sign: SignOptions,
  { options: { cwd, registries, sourceDateEpoch } }: SessionRequest,
  { env, signal }: Pick<BuildEdges, 'env' | 'signal'>,
): Promise<NonNullable<PublishOptions['sign']>> {
  if (sign.by === 'cosign') {
    const { requireCosign, signWithCosign } = await import('../sign/cosign.ts')
    await requireCosign({ env, signal })
    const { key, tlog } = sign
    return (ref, root, edges) => {
      const http = registryEndpoint(ref, registries).origin.startsWith('http:')
      return signWithCosign(ref, root, { ...edges, ...compact({ key }), tlog, http, cwd, env })
    }
  }
  const [{ openSigner: open }, { signManifest }] = await Promise.all([
    import('../sign/open-signer.ts'),
    import('../sign/sign-image.ts'),
  ])
  const withSigner = await open(sign, { cwd, env })
  return async (ref, root, edges) => {
    const created = sourceDateEpoch === undefined ? new Date() : new Date(sourceDateEpoch * 1000)
    await withSigner(edges.signal, (by) => signManifest(ref, root, { ...edges, by, created }))
  }
}
