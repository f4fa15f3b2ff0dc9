import { expect, test } from 'vitest'
import type { Images } from '../../src/content/images.ts'
import type { ResolvedImage } from '../../src/content/resolved-image.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { resolveImages } from '../../src/engine/resolve.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parsePlatform } from '../../src/platform.ts'

const PLATFORM = parsePlatform('linux/amd64')

/** A registry whose image `base` has these triggers. */
function imagesWith(OnBuild: readonly string[], asked: string[] = []): Images {
  const fromRegistry = async (name: string): Promise<ResolvedImage> => {
    asked.push(name)
    return {
      name,
      manifest: { mediaType: MEDIA_TYPE.manifest, digest: sha256(name), size: 1 },
      config: {
        os: 'linux',
        architecture: 'amd64',
        config: name === 'base' ? { OnBuild } : {},
        rootfs: { type: 'layers', diff_ids: [] },
      },
      layers: [],
    }
  }
  return { fromRegistry } as unknown as Images
}

function graphOf(dockerfile: string) {
  const parsed = parseDockerfile(dockerfile, { file: 'Dockerfile' })
  const options = { target: PLATFORM, buildPlatform: PLATFORM, buildArgs: {}, namedContexts: [], folderContexts: [] }
  return buildStageGraph(parsed.dockerfile, options).graph
}

test('images that triggers of a base image read from are resolved, too, each once', async () => {
  const graph = graphOf('FROM other AS s\nFROM base\nCOPY --from=s /x /x\n')
  const asked: string[] = []
  const triggers = ['COPY --from=tools /a /a', 'RUN --mount=from=more,target=/m true', 'COPY --from=s /b /b', 'NOPE']
  const imageFor = await resolveImages([graph], {
    images: imagesWith(triggers, asked),
    contexts: {},
    cwd: '/',
    signal: AbortSignal.timeout(60_000),
  })
  expect(asked.sort()).toEqual(['base', 'more', 'other', 'tools'])
  const stage = graph.stages.at(-1)!
  expect(imageFor({ kind: 'image', ref: 'tools' }, stage)).toMatchObject({ name: 'tools' })
})
