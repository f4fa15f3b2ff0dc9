import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import type { TargetBuild } from '../../src/driver/target.ts'
import { parsePlatform } from '../../src/platform.ts'
import type { Settled } from '../../src/run/outcome.ts'
import { auditImages } from '../../src/session/audit.ts'
import type { SessionRequest } from '../../src/session/types.ts'
import { openStore } from '../../src/store/store.ts'
import { makeElf } from '../audit/support/elf.ts'
import { smallImage } from '../support/images.ts'
import { tempFolder } from '../support/temp-folder.ts'

const ARM64 = parsePlatform('linux/arm64')

/** Audits an arm64 image with an amd64 program whose upper layer is where a node has pushed it; gives back warnings. */
async function audit(folder: string, read?: () => Promise<never>) {
  const file = [{ path: 'usr/bin/tool', mode: 0o755, data: makeElf({ machine: 62 }) }]
  const below = [{ path: 'usr/bin/of-base', mode: 0o755, data: makeElf({ machine: 3, wide: false }) }]
  const { image } = await smallImage(join(folder, 'registry'), 'linux/arm64', { files: file, below })
  const blobs = { ...image.blobs, path: async () => undefined }
  const { dockerfile } = parseDockerfile('FROM base\nCOPY 1 /\n', { file: 'Dockerfile' })
  const options = { target: ARM64, buildPlatform: ARM64, buildArgs: {}, namedContexts: [] }
  const { graph } = buildStageGraph(dockerfile, options)
  const warnings: string[] = []
  const reading: typeof blobs.read = (descriptor) =>
    read && descriptor.mediaType.includes('layer') ? read() : blobs.read(descriptor)
  const request = { image: undefined, options: { outputs: [{ type: 'registry' }] } } as unknown as SessionRequest
  const built = [{ job: { target: ARM64 }, image: { ...image, blobs: { ...blobs, read: reading } } }]
  await auditImages(request, { built } as unknown as Settled, {
    store: await openStore(join(folder, 'store')),
    targets: [{ platform: ARM64, image: undefined, graph } as unknown as TargetBuild],
    emit: (event) => event.type === 'warning' && warnings.push(event.message),
    signal: new AbortController().signal,
  })
  return warnings
}

test('layers of the build that a node has pushed are read from there; those of the base are left alone', async () => {
  await expect(audit(tempFolder())).rejects.toMatchObject({
    code: 'WRONG_PROGRAM',
    message: 'Cannot publish linux/arm64: "/usr/bin/tool" is for linux/amd64 (PATH, stage 0)',
    at: { line: 2 },
  })
})

test('a warning says which layer could not be read', async () => {
  const gone = () => Promise.reject(new Error('the registry is gone'))
  expect(await audit(tempFolder(), gone)).toEqual([
    expect.stringMatching(
      /^linux\/arm64: the programs of layer 2 were not compared with the platform: .*the registry is gone/,
    ),
  ])
})
