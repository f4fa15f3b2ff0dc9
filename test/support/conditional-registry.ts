import { sha256 } from '../../src/oci/digest.ts'
import { type Intercept, refuse, type TestRegistry } from './registry-server.ts'

/** Makes the registry honour If-Match and If-None-Match on manifests, as RFC 9110 says; its entity tags are opaque. */
export function honourConditions(registry: TestRegistry): Intercept {
  return (request, response, { method, path }) => {
    const [, repository, name] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(path) ?? []
    if (repository === undefined) return false
    const present = registry.manifests.get(`${repository}:${name}`)
    const etag = present && `"v1-${sha256(present.bytes).slice(-12)}"`
    if (etag !== undefined && method === 'GET') response.setHeader('etag', etag)
    if (method !== 'PUT') return false
    const { 'if-match': match, 'if-none-match': none } = request.headers
    const isRight = match === undefined ? none !== '*' || present === undefined : match === etag
    if (isRight) return false
    request.resume()
    refuse(response, 412, 'PRECONDITION_FAILED', 'the tag was changed')
    return true
  }
}
