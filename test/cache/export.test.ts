import { expect, test } from 'vitest'
import { exportCaches } from '../../src/cache/export.ts'
import type { CacheImage } from '../../src/cache/document.ts'
import type { CachePlace } from '../../src/cache/place.ts'
import type { SolvedStep } from '../../src/engine/solved.ts'
import type { StepVertex } from '../../src/engine/vertex.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parsePlatform } from '../../src/platform.ts'

const PLATFORM = 'linux/arm64'

/** A step of the platform, that programs of siblings had a part in or not. */
function step(name: string, siblings?: readonly string[]): SolvedStep {
  const shown = { name, platforms: new Set([PLATFORM]), images: new Set<string>() }
  return {
    vertex: { kind: 'workdir', id: name, shown, parent: { kind: 'scratch', id: 'scratch' } } as unknown as StepVertex,
    solved: {
      key: `key-of-${name}`,
      layers: [{ id: name, empty: false }],
      created: '2026-01-02T03:04:05Z',
      ...(siblings ? { siblings } : {}),
    },
  }
}

test.each(['min', 'max'] as const)('a step that a sibling had a part in is not exported with mode=%s', async (mode) => {
  const steps = [step('clean'), step('native', [sha256('sibling')])]
  const saved: string[] = []
  const lines: string[] = []
  const place: CachePlace = {
    name: 'local somewhere',
    load: () => Promise.resolve([]),
    save: (_, cache: CacheImage) => {
      saved.push(Buffer.from(cache.config.bytes).toString())
      return Promise.resolve()
    },
  }
  await exportCaches([{ place, mode }], {
    images: [
      {
        platform: parsePlatform(PLATFORM),
        solved: { key: 'image', layers: steps.flatMap(({ solved }) => solved.layers) },
      },
    ],
    steps,
    layers: {
      unpacked: () => Promise.resolve([]),
      packed: (chain) => {
        const { id } = chain.at(-1)!
        const descriptor = { mediaType: MEDIA_TYPE.layerGzip, digest: sha256(id), size: 1 }
        return Promise.resolve({ descriptor, diffId: sha256(id) })
      },
      isThere: () => Promise.resolve(true),
    },
    blobs: {
      path: () => Promise.resolve(undefined),
      read: () => Promise.reject(new Error('nothing is read')),
      origins: () => Promise.resolve([]),
    },
    emit: (event) => {
      if (event.type === 'step.log') lines.push(event.line)
      if (event.type === 'warning') throw new Error(event.message)
    },
    signal: new AbortController().signal,
  })
  expect(saved).toHaveLength(1)
  expect(saved[0]).toContain('key-of-clean')
  expect(saved[0]).not.toContain('key-of-native')
  expect(lines).toEqual([expect.stringMatching(/^Not exported, .*: native$/)])
})
