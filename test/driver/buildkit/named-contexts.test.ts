import { expect, test } from 'vitest'
import { buildStageGraph } from '../../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../../src/dockerfile/parse.ts'
import { namedContextAttributes } from '../../../src/driver/buildkit/named-contexts.ts'
import type { RemoteBuild } from '../../../src/driver/remote-build.ts'
import { parsePlatform } from '../../../src/platform.ts'

const NATIVE = parsePlatform('linux/amd64')

/** What a daemon is told of the context `extra`, another image of the session that was not handed over. */
function tellOfExtra(text: string): Promise<Record<string, string>> {
  const { dockerfile } = parseDockerfile(text, { file: 'Dockerfile' })
  const build: Partial<RemoteBuild> = {
    options: { buildContexts: { extra: { kind: 'target', image: 'web' } } } as unknown as RemoteBuild['options'],
    dockerfile: { text, shown: 'Dockerfile' },
    graphFor: (buildPlatform) => ({
      dockerfile,
      graph: buildStageGraph(dockerfile, {
        ...{ target: NATIVE, buildPlatform, buildArgs: {} },
        namedContexts: ['extra'],
      }).graph,
    }),
  }
  return namedContextAttributes({
    build: build as RemoteBuild,
    facts: { platforms: [NATIVE], givesOci: true, abilities: new Set() },
    platform: NATIVE,
    stages: [],
    signal: new AbortController().signal,
    stores: new Map(),
  })
}

test.each(['FROM extra', 'FROM scratch\nCOPY --from=extra /a /a', 'FROM scratch\nRUN --mount=from=extra true'])(
  'an image that was not handed over cannot be a context that is read: %j',
  async (text) => {
    await expect(tellOfExtra(text)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  },
)

test.each(['FROM scratch', 'FROM extra AS unused\nFROM scratch'])(
  'a context that no stage reads keeps no image from a node, and leads to nothing: %j',
  async (text) => {
    expect(await tellOfExtra(text)).toMatchObject({ 'context:extra': expect.stringContaining('//xbuild.invalid/') })
  },
)
