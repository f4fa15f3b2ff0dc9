import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { runOk, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')

interface Statement {
  readonly predicateType: string
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[]
  readonly predicate: { readonly packages: readonly { readonly name: string; readonly versionInfo: string }[] }
}

/** Statements of an index, by the digest of the image that they are about. */
function statementsOf(layout: string): Record<string, Statement[]> {
  const json = (digest: string) =>
    JSON.parse(readFileSync(join(layout, 'blobs', digest.replace(':', '/')), 'utf8')) as {
      manifests: { digest: string; annotations?: Record<string, string> }[]
      layers: { digest: string }[]
    }
  const [root] = (JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] })
    .manifests
  return Object.fromEntries(
    json(root!.digest)
      .manifests.filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] === 'attestation-manifest')
      .map(({ digest, annotations }) => [
        annotations!['vnd.docker.reference.digest']!,
        json(digest).layers.map((layer) => json(layer.digest) as unknown as Statement),
      ]),
  )
}

test('the contents of each platform are listed beside its provenance, and in folders', async () => {
  const context = writeFiles(join(folder, 'context'), {
    Dockerfile: 'FROM node\nCOPY app /app\nRUN rm -rf /app/node_modules/removed\n',
    'app/node_modules/kept/package.json': '{"name":"kept","version":"1.2.3","license":"MIT"}',
    'app/node_modules/removed/package.json': '{"name":"removed","version":"1.0.0"}',
    'app/lib/tool-0.5.dist-info/METADATA': 'Metadata-Version: 2.4\nName: Tool\nVersion: 0.5\n',
  })
  const both = [
    '--platform',
    'linux/amd64,linux/arm64',
    ...(await withBases('node')),
    '--sbom=true',
    '--provenance=true',
  ]
  const run = async (...args: string[]) => {
    const { code, stderr } = await xbuild([...both, ...args, context], { cwd: folder, store })
    expect(code, stderr).toBe(0)
  }
  await run('-o', 'type=oci,dest=image', '-t', 'example.com/app:1')
  const statements = statementsOf(join(folder, 'image'))
  expect(Object.keys(statements)).toHaveLength(2)
  for (const [digest, said] of Object.entries(statements)) {
    expect(said.map(({ predicateType }) => predicateType)).toEqual([
      'https://slsa.dev/provenance/v1',
      'https://spdx.dev/Document',
    ])
    const sbom = said[1]!
    expect(sbom.subject[0]!.digest.sha256).toBe(digest.slice('sha256:'.length))
    const named = sbom.predicate.packages.map(({ name, versionInfo }) => `${name} ${versionInfo}`)
    expect(named).toContain('kept 1.2.3')
    expect(named).toContain('tool 0.5')
    expect(named.join('\n')).not.toContain('removed')
  }
  await run('-o', 'type=local,dest=files')
  for (const platform of ['linux_amd64', 'linux_arm64']) {
    const file = join(folder, 'files', platform, 'sbom.spdx.json')
    const { predicate } = JSON.parse(readFileSync(file, 'utf8')) as Statement
    expect(predicate.packages.some(({ name }) => name === 'kept')).toBe(true)
    expect(existsSync(join(folder, 'files', platform, 'provenance.json'))).toBe(true)
  }
  expect(await runOk('skopeo', ['inspect', '--raw', `oci:${join(folder, 'image')}`])).toContain('attestation-manifest')
})
