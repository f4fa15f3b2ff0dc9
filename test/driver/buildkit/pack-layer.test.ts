import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { virtualLayer } from '../../../src/driver/buildkit/packs/layer.ts'
import { mountOf, withoutPacks } from '../../../src/driver/buildkit/packs/step-name.ts'
import { createTarReader } from '../../../src/oci/tar-reader.ts'

const FILE = import.meta.filename

test('a layer that is written nowhere: its bytes are its digest, whole and in parts', async () => {
  const text = Buffer.from('two words\n')
  const size = statSync(FILE).size
  const hashes: string[] = []
  const layer = await virtualLayer(
    [
      { path: 'step/names/cc1', executable: false, content: Buffer.alloc(0) },
      { path: 'packs/a/bin/cc1', executable: true, content: { file: FILE, size } },
      { path: 'step/rules/0a', executable: false, content: text },
    ],
    (path, sha256) => hashes.push(`${path} ${sha256.slice(0, 8)}`),
  )
  const { digest, size: length } = layer.descriptor
  const whole = await buffer(layer.read({ start: 0, end: length - 1 }))
  expect(whole).toHaveLength(length)
  expect(`sha256:${createHash('sha256').update(whole).digest('hex')}`).toBe(digest)
  expect(hashes.at(-1)).toBe(`step/rules/0a ${createHash('sha256').update(text).digest('hex').slice(0, 8)}`)
  for (const [start, end] of [
    [0, 0],
    [511, 513],
    [1000, 3000],
    [length - 5, length - 1],
  ] as const) {
    expect((await buffer(layer.read({ start, end }))).equals(whole.subarray(start, end + 1))).toBe(true)
  }
  const entries: string[] = []
  const reader = createTarReader({
    entry: ({ path, mode, mtime, uid }) => void entries.push(`${path} ${mode.toString(8)} ${mtime} ${uid}`),
    data: () => undefined,
    end: () => undefined,
  })
  reader.write(whole)
  reader.finish()
  expect(entries).toEqual([
    'packs 755 0 0',
    'packs/a 755 0 0',
    'packs/a/bin 755 0 0',
    'step 755 0 0',
    'step/names 755 0 0',
    'step/rules 755 0 0',
    'step/names/cc1 644 0 0',
    'packs/a/bin/cc1 755 0 0',
    'step/rules/0a 644 0 0',
  ])
})

test('steps are called what their author wrote', () => {
  const context = 'xbuild-packs-arm64-2'
  expect(withoutPacks(`[build 2/3] RUN ${mountOf(context)} --network=none make`)).toEqual({
    name: '[build 2/3] RUN --network=none make',
    context,
  })
  expect(withoutPacks('[1/2] RUN --mount=type=bind,from=other,target=/x make')).toEqual({
    name: '[1/2] RUN --mount=type=bind,from=other,target=/x make',
  })
})
