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
  const starts = [
    { platform: 'linux/arm64', native: 0, emulated: 1, programs: [{ program: `/bin/${bad}`, native: 0, emulated: 1 }] },
  ]
  const text = formatResult({ ...base, packs: [pack], starts, outputs }, { color: false })
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(text.trimEnd().split('\n')).toHaveLength(7)
})

test('the summary says what emulated steps started, and nothing where nothing was emulated', () => {
  const programs = [
    { program: '/usr/bin/sed', native: 0, emulated: 1400 },
    { program: '/bin/sed', native: 0, emulated: 3 },
    { program: '/usr/bin/cat', native: 0, emulated: 310 },
    { program: '/usr/bin/tar', native: 2, emulated: 9 },
    { program: '/usr/bin/dpkg', native: 0, emulated: 4 },
    { program: '/usr/lib/cc1', native: 410, emulated: 0 },
  ]
  const starts = [
    { platform: 'linux/arm64', native: 412, emulated: 1726, programs },
    { platform: 'linux/s390x', native: 3, emulated: 0, programs: [programs[5]!] },
  ]
  expect(formatResult({ ...base, starts }, { color: false })).toBe(
    `${IMAGES}  linux/arm64 started 412 programs natively, 1,726 emulated; most: sed 1,403, cat 310, tar 9\n${STAYS}`,
  )
})
