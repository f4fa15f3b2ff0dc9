import { expect, test } from 'vitest'
import type { Images } from '../../src/content/images.ts'
import type { ResolvedImage } from '../../src/content/resolved-image.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import type { StageGraph } from '../../src/dockerfile/types.ts'
import { withTriggers } from '../../src/driver/embedded/with-triggers.ts'
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

function graphOf(dockerfile: string, triggers: ReadonlyMap<number, readonly string[]> = new Map()) {
  const parsed = parseDockerfile(dockerfile, { file: 'Dockerfile' })
  const contexts = { namedContexts: ['files'], folderContexts: ['files'] }
  const options = { target: PLATFORM, buildPlatform: PLATFORM, buildArgs: {}, ...contexts, triggers }
  return buildStageGraph(parsed.dockerfile, options)
}

/** What a build of a Dockerfile with a base image of these triggers is made of. */
async function wider(dockerfile: string, { triggers, asked = [] }: { triggers: readonly string[]; asked?: string[] }) {
  const { graph } = graphOf(dockerfile)
  const resolve = (one: StageGraph) =>
    resolveImages([one], {
      images: imagesWith(triggers, asked),
      contexts: { files: { kind: 'dir', path: '/files' } },
      cwd: '/',
      signal: AbortSignal.timeout(60_000),
    })
  const graphWith = (known: ReadonlyMap<number, readonly string[]>) => graphOf(dockerfile, known)
  return withTriggers({ graph, graphWith }, await resolve(graph), resolve)
}

test('images that triggers of a base image read from are resolved, too', async () => {
  const asked: string[] = []
  const triggers = ['COPY --from=tools /a /a', 'RUN --mount=from=more,target=/m true', 'COPY --from=s /b /b', 'NOPE']
  const dockerfile = 'FROM other AS s\nFROM base\nCOPY --from=s /x /x\n'
  const { graph, imageFor, problems } = await wider(dockerfile, { triggers, asked })
  expect([...new Set(asked)].sort()).toEqual(['base', 'more', 'other', 'tools'])
  expect(imageFor({ kind: 'image', ref: 'tools' }, graph.stages.at(-1)!)).toMatchObject({ name: 'tools' })
  expect(problems).toEqual([])
})

test('triggers of a base image name stages, also by number, and contexts, also those that nothing else needs', async () => {
  const triggers = ['COPY --from=s /a /a', 'RUN --mount=from=1,target=/m true', 'COPY --from=files /f /f']
  const { graph, problems } = await wider('FROM base AS s\nFROM s AS t\nFROM base AS u\nFROM base\n', { triggers })
  expect(graph.stages.map(({ index, needs }) => [index, needs])).toEqual([
    [0, []],
    [1, [0]],
    [3, [0, 1]],
  ])
  expect(graph.stages.at(-1)!.froms).toEqual({
    s: { kind: 'stage', index: 0 },
    1: { kind: 'stage', index: 1 },
    files: { kind: 'context', name: 'files' },
  })
  // The first stage is made from that image as well, and has no stages before it
  expect(problems.map(({ message }) => message)).toEqual([
    'Cannot use --from="s": a stage cannot copy from itself',
    'Cannot use --from="1": stage 1 starts later',
  ])
})

test('a stage that a context replaces has the triggers of its image, and nothing of its own', () => {
  const dockerfile = 'FROM other AS s\nFROM base AS files\nCOPY --from=nobody / /\n'
  const { graph } = graphOf(dockerfile, new Map([[1, ['COPY --from=s / /']]]))
  expect(graph.stages.map(({ index, froms }) => [index, froms])).toEqual([
    [0, {}],
    [1, { s: { kind: 'stage', index: 0 } }],
  ])
})
