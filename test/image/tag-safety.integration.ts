import { afterEach, beforeEach, expect, test } from 'vitest'
import { pushImages } from '../support/registry-images.ts'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
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
