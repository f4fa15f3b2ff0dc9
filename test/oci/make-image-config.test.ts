import { expect, test } from 'vitest'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { makeImageConfig, type ImageConfigParts } from '../../src/oci/make-image-config.ts'
import type { ImageConfig } from '../../src/oci/manifest.ts'
import { parseImageConfig } from '../../src/oci/read-image-config.ts'
import { parsePlatform } from '../../src/platform.ts'

const one = sha256('1')
const two = sha256('2')
const scratch: ImageConfigParts = {
  base: undefined,
  platform: parsePlatform('linux/arm/v7'),
  config: { Labels: { b: '1', a: '2' }, Env: ['X=y'], Cmd: ['sh'] },
  history: [
    { created_by: 'COPY a / # buildkit', comment: 'buildkit.dockerfile.v0', created: '2024-01-02T03:04:05.678Z' },
  ],
  diffIds: [one],
  created: '2024-01-02T03:04:05.678Z',
}

test('a config FROM scratch has exactly these bytes', () => {
  const { bytes, descriptor, config } = makeImageConfig(scratch)
  expect(bytes.toString()).toBe(
    '{"created":"2024-01-02T03:04:05.678Z","architecture":"arm","os":"linux","variant":"v7",' +
      '"config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","X=y"],"Cmd":["sh"],"WorkingDir":"/","Labels":{"a":"2","b":"1"}},' +
      `"rootfs":{"type":"layers","diff_ids":["${one}"]},` +
      '"history":[{"created":"2024-01-02T03:04:05.678Z","created_by":"COPY a / # buildkit","comment":"buildkit.dockerfile.v0"}]}',
  )
  expect(descriptor).toEqual({ mediaType: MEDIA_TYPE.config, digest: sha256(bytes), size: bytes.length })
  expect(parseImageConfig(bytes, descriptor)).toEqual(config)
})

test('on a base, layers and history come on top, its author stays, --label wins', () => {
  const base: ImageConfig = {
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
    author: 'them',
    config: { Env: ['A=b'] },
    rootfs: { type: 'layers', diff_ids: [two] },
    history: [{ created_by: 'base' }, { created_by: 'ENV', empty_layer: true }],
  }
  const { config } = makeImageConfig({ ...scratch, base, labels: { a: 'cli' } })
  expect(config.rootfs.diff_ids).toEqual([two, one])
  expect(config.author).toBe('them')
  expect(config.config).toEqual({ Env: ['X=y'], Cmd: ['sh'], Labels: { a: 'cli', b: '1' } })
  expect(config.history).toEqual([{ created_by: 'base' }, { created_by: 'ENV', empty_layer: true }, scratch.history[0]])
})

test('SOURCE_DATE_EPOCH clamps every later time, also that of the base, and gives one where there is none', () => {
  const base: ImageConfig = {
    os: 'linux',
    architecture: 'arm',
    rootfs: { type: 'layers', diff_ids: [one, two] },
    history: [{ created: '2001-01-01T00:00:00.123456789Z' }, { created: '2030-01-01T00:00:00Z' }],
  }
  const { config } = makeImageConfig({
    ...scratch,
    base,
    diffIds: [],
    history: [{ empty_layer: true }],
    sourceDateEpoch: 1_600_000_000,
  })
  const epoch = '2020-09-13T12:26:40Z'
  expect(config.created).toBe(epoch)
  expect(config.history?.map((entry) => entry.created)).toEqual(['2001-01-01T00:00:00.123456789Z', epoch, epoch])
})

test('a step without a time happened when the image was made; the past of the base is left alone', () => {
  const base: ImageConfig = {
    os: 'linux',
    architecture: 'arm',
    rootfs: { type: 'layers', diff_ids: [two] },
    history: [{ created_by: 'base' }],
  }
  const { config } = makeImageConfig({ ...scratch, base, history: [{ created_by: 'mine' }] })
  expect(config.history).toEqual([{ created_by: 'base' }, { created_by: 'mine', created: scratch.created }])
})

test('history agrees with the layers even when the base does not', () => {
  const base = (diff_ids: string[], history: ImageConfig['history']): ImageConfig => ({
    os: 'linux',
    architecture: 'arm',
    rootfs: { type: 'layers', diff_ids },
    ...(history ? { history } : {}),
  })
  const full = (config: ImageConfig) => config.history?.map((entry) => entry.empty_layer ?? false)
  expect(full(makeImageConfig({ ...scratch, base: base([two, two], undefined) }).config)).toEqual([false, false, false])
  expect(full(makeImageConfig({ ...scratch, base: base([two], [{}, {}, {}]) }).config)).toEqual([
    true,
    true,
    false,
    false,
  ])
})

test('a Windows base gives its version', () => {
  const base: ImageConfig = {
    os: 'windows',
    architecture: 'amd64',
    'os.version': '10.0.20348.1',
    rootfs: { type: 'layers', diff_ids: [] },
  }
  const { config } = makeImageConfig({ ...scratch, platform: parsePlatform('windows/amd64'), base })
  expect(config['os.version']).toBe('10.0.20348.1')
})
