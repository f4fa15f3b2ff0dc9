import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { makeManifest } from '../../src/oci/make-manifest.ts'
import { pushImages } from '../support/registry-images.ts'
import { refuse, startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { runHere } from '../support/run-in-process.ts'
import { tempFolder } from '../support/temp-folder.ts'

let registry: TestRegistry
let folder: string
beforeEach(async () => {
  registry = await startTestRegistry()
  folder = tempFolder()
})
afterEach(() => registry.stop())

const image = (...args: string[]) => runHere(['image', ...args], { cwd: folder })
const digestOf = async (name: string) => JSON.parse((await image('inspect', '--json', name)).stdout).digest
const BOTH = [{ platform: 'linux/amd64' }, { platform: 'linux/arm64' }]

/** A tag with two platforms, and a source with one: in the same repository, or in another one. */
async function twoAndOne(repository: string, asIndex: boolean) {
  const tag = `${registry.host}/app:1`
  await pushImages(tag, BOTH, { folder })
  const name = `${registry.host}/${repository}`
  const { root } = await pushImages(name, [{ platform: 'linux/amd64' }], { folder, untagged: true, asIndex })
  return {
    tag,
    source: `${name}@${root.descriptor.digest}`,
    before: await digestOf(tag),
    digest: root.descriptor.digest,
  }
}

type Way = readonly [what: string, repository: string, verb: 'create' | 'copy', asIndex: boolean]
const WAYS: readonly Way[] = [
  ['create in a repository', 'app', 'create', false],
  ['create from another one', 'other', 'create', false],
  ['copy of an index', 'other', 'copy', true],
  ['copy of an image that is alone', 'other', 'copy', false],
]

test.each(WAYS)(
  '%s does not take a platform from a tag, unless it is allowed',
  async (_what, repository, verb, asIndex) => {
    const { tag, source, before } = await twoAndOne(repository, asIndex)
    const line = verb === 'copy' ? ['copy', source, tag] : ['create', '-t', tag, source]
    const refused = await image(...line)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain(`Cannot move "${tag}": it would lose linux/arm64`)
    expect(refused.stderr).toContain('--allow-platform-drop')
    expect(await digestOf(tag)).toBe(before)
    const allowed = await image(...line, '--allow-platform-drop')
    expect(allowed.code, allowed.stderr).toBe(0)
    expect(allowed.stderr).toContain(`${tag} contained linux/arm64, which this command removes`)
    expect(await digestOf(tag)).not.toBe(before)
  },
)

test.each(['create', 'copy'])(
  '%s leaves a tag that somebody else moves meanwhile, unless it is told to',
  async (verb) => {
    const tag = `${registry.host}/app:1`
    await pushImages(tag, BOTH, { folder })
    const files = [{ path: 'new', data: 'new' }]
    const other = await pushImages(
      tag,
      BOTH.map((one) => ({ ...one, files })),
      { folder, untagged: true },
    )
    const source = `${registry.host}/from:1`
    await pushImages(
      source,
      BOTH.map((one) => ({ ...one, files: [{ path: 'from', data: 'from' }] })),
      { folder },
    )
    const line = verb === 'copy' ? ['copy', source, tag] : ['create', '-t', tag, source]
    // While blobs are on their way
    registry.intercepts.push((request, _response, { path }) => {
      if (request.method === 'POST' && path.startsWith('/v2/app/'))
        registry.manifests.set('app:1', { type: other.root.descriptor.mediaType, bytes: other.root.bytes })
      return false
    })
    const refused = await image(...line)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    const { digest } = other.root.descriptor
    expect(refused.stderr).toContain(`somebody else has set it to ${digest} during the command`)
    expect(await digestOf(tag)).toBe(digest)
    const forced = await image(...line, '--force')
    expect(forced.code, forced.stderr).toBe(0)
    expect(await digestOf(tag)).not.toBe(digest)
  },
)

describe('registries that answer otherwise than most', () => {
  const SIGNED = 'application/vnd.dev.cosign.simplesigning.v1+json'
  /** An image, and a signature of it as cosign 2 keeps it: under a tag of its own. */
  async function signedImage(name: string): Promise<string> {
    const source = `${registry.host}/${name}:1`
    const { root } = await pushImages(source, BOTH, { folder })
    const config = Buffer.from('{}')
    const payload = Buffer.from('payload')
    const layers = [{ mediaType: SIGNED, digest: sha256(payload), size: payload.length }]
    const described = { mediaType: MEDIA_TYPE.config, digest: sha256(config), size: config.length }
    const document = makeManifest({ config: described, layers })
    for (const blob of [config, payload]) registry.blobs.set(`${name}@${sha256(blob)}`, blob)
    const held = { type: document.descriptor.mediaType, bytes: document.bytes }
    const tag = `${root.descriptor.digest.replace(':', '-')}.sig`
    registry.manifests.set(`${name}:${tag}`, held)
    registry.manifests.set(`${name}:${document.descriptor.digest}`, held)
    return tag
  }

  test('a copy goes on where reading what is not there is refused, and tags are not listed', async () => {
    const tag = await signedImage('from')
    registry.intercepts.push((request, response, { method, path }) => {
      const [, repository, name] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(path) ?? []
      const isThere = repository === undefined || registry.manifests.has(`${repository}:${name}`)
      if ((isThere || method === 'PUT') && !path.includes('/tags/list')) return false
      request.resume()
      refuse(response, 403, 'DENIED', 'requested access to the resource is denied')
      return true
    })
    const copied = await image('copy', `${registry.host}/from:1`, `${registry.host}/app:1`)
    expect(copied.code, copied.stderr).toBe(0)
    expect(registry.manifests.has('app:1')).toBe(true)
    expect(registry.manifests.get(`app:${tag}`)?.bytes).toEqual(registry.manifests.get(`from:${tag}`)?.bytes)
  })

  test('a copy goes on where conditions are refused though they are right', async () => {
    const tag = await signedImage('from')
    registry.intercepts.push((request, response, { method }) => {
      const { 'if-match': match, 'if-none-match': none } = request.headers
      if (method !== 'PUT' || (match === undefined && none === undefined)) return false
      request.resume()
      refuse(response, 412, 'PRECONDITION_FAILED', 'no')
      return true
    })
    const copied = await image('copy', `${registry.host}/from:1`, `${registry.host}/app:1`)
    expect(copied.code, copied.stderr).toBe(0)
    expect(registry.manifests.has('app:1')).toBe(true)
    expect(registry.manifests.has(`app:${tag}`)).toBe(true)
  })

  test('a signature that somebody else puts there meanwhile stays, though conditions are refused', async () => {
    const tag = await signedImage('from')
    const of = (mediaType: string, text: string) => ({
      mediaType,
      digest: sha256(Buffer.from(text)),
      size: text.length,
    })
    const other = makeManifest({ config: of(MEDIA_TYPE.config, 'x'), layers: [of(SIGNED, 'y')] })
    registry.intercepts.push((request, response, { method, path }) => {
      if (method !== 'PUT' || !path.endsWith(tag)) return false
      const held = { type: other.descriptor.mediaType, bytes: other.bytes }
      registry.manifests.set(`app:${tag}`, held)
      registry.manifests.set(`app:${other.descriptor.digest}`, held)
      request.resume()
      refuse(response, 412, 'PRECONDITION_FAILED', 'the tag was changed')
      return true
    })
    const copied = await image('copy', `${registry.host}/from:1`, `${registry.host}/app:1`)
    expect(copied.code, copied.stderr).toBe(0)
    expect(copied.stderr).toContain('has other signatures under this tag')
    expect(registry.manifests.get(`app:${tag}`)?.bytes).toEqual(other.bytes)
  })
})
