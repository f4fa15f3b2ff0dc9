import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { execOk } from '../../src/host/exec.ts'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

let registry: DebianRegistry
let folder: string
let bases: readonly string[]
beforeAll(async () => {
  registry = await startRegistry()
  folder = tempFolder()
  writeFiles(join(folder, 'app'), { Dockerfile: 'FROM busybox\nCOPY a.txt /\n', 'a.txt': 'a\n'.repeat(1000) })
  bases = await withBases('busybox')
})
afterAll(async () => {
  await registry?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const at = (...names: string[]) => join(folder, ...names)
const build = (...args: readonly string[]) =>
  xbuild(['--platform', 'linux/amd64,linux/arm64', ...bases, ...args, at('app')], { env: { XBUILD_HOME: at('store') } })
const skopeo = (...args: string[]) => execOk('skopeo', ['--insecure-policy', ...args])
const blob = (layout: string, digest: string) => readFileSync(at(layout, 'blobs/sha256', digest.slice(7)))
const json = (layout: string, digest: string) => JSON.parse(blob(layout, digest).toString())

test('the recipe of GitHub workflows pushes by digest, writes no tag, and tells the digest', async () => {
  const name = `${registry.host}/team/app`
  const recipe = `type=image,push-by-digest=true,name-canonical=true,push=true,name=${name}`
  const ended = await build('-o', recipe, '--metadata-file', at('meta.json'))
  expect(ended).toMatchObject({ code: 0 })
  const metadata = JSON.parse(readFileSync(at('meta.json'), 'utf8'))
  const digest: string = metadata['containerimage.digest']
  expect(ended.stdout).toBe(`${digest}\n`)
  expect(ended.stderr).toContain(`pushed to ${name}@${digest}`)
  const index = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}@${digest}`))
  expect(Object.values(metadata['xbuild.platforms'])).toMatchObject(
    index.manifests.map((one: { digest: string }) => ({ 'containerimage.digest': one.digest })),
  )
  // A repository without tags: some registries answer with an empty list, some with null
  const tags = await fetch(`http://${registry.host}/v2/team/app/tags/list`)
  expect(tags.ok ? ((await tags.json()) as { tags: unknown }).tags : null).toBe(null)
})

test('layers are zstd, and those of base images too when forced, and skopeo reads the files', async () => {
  const ended = await build('-o', `type=oci,dest=${at('zstd')},name=app:1,compression=zstd,force-compression=true`)
  expect(ended).toMatchObject({ code: 0 })
  const index = json('zstd', ended.stdout.trim())
  for (const { digest } of index.manifests) {
    const { layers } = json('zstd', digest)
    expect(layers).toHaveLength(2)
    for (const layer of layers) {
      expect(layer.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd')
      expect(blob('zstd', layer.digest).subarray(0, 4).toString('hex')).toBe('28b52ffd')
    }
  }
  await skopeo('copy', '--all', `oci:${at('zstd')}:1`, `dir:${at('copied')}`)
})

test('skopeo reads a push with the media types of Docker, and a second form beside it', async () => {
  const name = `${registry.host}/team/docker`
  const both = [
    '-o',
    `type=registry,oci-mediatypes=false,name=${name}:1`,
    '-o',
    `type=oci,dest=${at('oci')},annotation.a=b`,
  ]
  const ended = await build(...both)
  expect(ended).toMatchObject({ code: 0 })
  const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}:1`)
  const list = JSON.parse(raw)
  expect(list.mediaType).toBe('application/vnd.docker.distribution.manifest.list.v2+json')
  const child = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}@${list.manifests[1].digest}`)
  expect(JSON.parse(child).config.mediaType).toBe('application/vnd.docker.container.image.v1+json')
  await skopeo('copy', '--all', '--src-tls-verify=false', `docker://${name}:1`, `dir:${at('list')}`)
  const { manifests } = JSON.parse(readFileSync(at('oci', 'index.json'), 'utf8'))
  for (const { digest } of json('oci', manifests[0].digest).manifests)
    expect(json('oci', digest).annotations).toEqual({ a: 'b' })
})
