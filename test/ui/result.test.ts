import { expect, test } from 'vitest'
import { formatDigest, formatResult, type FinishedBuild } from '../../src/ui/result.ts'

const base: FinishedBuild = {
  digest: 'sha256:index',
  images: [
    { platform: 'linux/amd64', digest: 'sha256:a', strategy: 'native', seconds: 1.25 },
    { platform: 'linux/arm64', digest: 'sha256:b', strategy: 'emulate', seconds: 75 },
  ],
  tags: [],
  outputs: [],
  stored: '/var/lib/xbuild',
}

const IMAGES = `Built sha256:index for 2 platforms
  linux/amd64  native   sha256:a  1.3s
  linux/arm64  emulate  sha256:b  1m 15s
`
const STAYS = '  The image stays in the store (/var/lib/xbuild); use -o type=oci,dest=FOLDER or --push to take it out\n'

test.each<[string, Partial<FinishedBuild>, string]>([
  ['no output', {}, STAYS],
  ['cacheonly', { outputs: [{ type: 'cacheonly' }] }, STAYS],
  [
    'a push',
    { outputs: [{ type: 'registry' }], tags: ['r.test/a:1', 'r.test/b'] },
    '  pushed to r.test/a:1\n  pushed to r.test/b\n',
  ],
  ['a layout', { outputs: [{ type: 'oci', dest: 'out' }] }, '  OCI image layout in out\n'],
  ['files', { outputs: [{ type: 'local', dest: 'out' }] }, '  files in out\n'],
  ['stdout', { outputs: [{ type: 'tar', dest: '-' }] }, '  tar on stdout\n'],
])('%s', (_, change, where) => {
  expect(formatResult({ ...base, ...change }, { color: false })).toBe(IMAGES + where)
})

test('stdout gets the digest alone, and nothing when an output took it', () => {
  expect(formatDigest(base)).toBe('sha256:index\n')
  expect(formatDigest({ ...base, outputs: [{ type: 'tar', dest: '-' }] })).toBe('')
})

test('names that engines and nodes give do not reach the terminal as commands', () => {
  const bad = 'x\u001b]0;title\u0007\u001b[2J\r\n\u202ey'
  const pack = { platform: 'linux/arm64', name: bad, digest: 'sha256:c', node: bad }
  const outputs = [
    { type: 'load', engine: bad, names: [bad] },
    { type: 'oci', dest: bad },
  ]
  const text = formatResult({ ...base, packs: [pack], outputs }, { color: false })
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(text.trimEnd().split('\n')).toHaveLength(6)
})
