import { describe, expect, test } from 'vitest'
import { checkLegs, formatLeg, parseLeg } from '../../src/ci/leg-file.ts'
import { parseRunner, planImageLegs, planLegs } from '../../src/ci/legs.ts'
import { parsePlatform } from '../../src/platform.ts'

const legsOf = (platforms: string, runners: readonly string[] = [], perPlatform = false) =>
  planLegs(
    platforms.split(',').map((text) => parsePlatform(text)),
    { rules: runners.map((text) => parseRunner(text, '--runner')), perPlatform },
  )

describe('legs', () => {
  test.each<[what: string, platforms: string, runners: readonly string[], legs: readonly object[]]>([
    [
      'native runners of GitHub',
      'linux/amd64,linux/arm64',
      [],
      [
        { leg: 'linux-amd64', platforms: 'linux/amd64', runner: 'ubuntu-24.04' },
        { leg: 'linux-arm64', platforms: 'linux/arm64', runner: 'ubuntu-24.04-arm' },
      ],
    ],
    [
      'platforms of one runner are one leg',
      'linux/amd64,linux/386,linux/arm64,linux/arm/v7,linux/riscv64',
      [],
      [
        {
          leg: 'linux-amd64_linux-386_linux-riscv64',
          platforms: 'linux/amd64,linux/386,linux/riscv64',
          runner: 'ubuntu-24.04',
        },
        { leg: 'linux-arm64_linux-arm-v7', platforms: 'linux/arm64,linux/arm/v7', runner: 'ubuntu-24.04-arm' },
      ],
    ],
    [
      'a runner of one platform',
      'linux/riscv64',
      ['linux/riscv64=ubuntu-24.04-riscv'],
      [{ leg: 'linux-riscv64', platforms: 'linux/riscv64', runner: 'ubuntu-24.04-riscv' }],
    ],
    [
      'labels of a self-hosted one',
      'linux/s390x',
      ['linux/s390x=[self-hosted, s390x]'],
      [{ leg: 'linux-s390x', platforms: 'linux/s390x', runner: ['self-hosted', 's390x'] }],
    ],
    [
      'another default',
      'linux/amd64',
      ['default=big'],
      [{ leg: 'linux-amd64', platforms: 'linux/amd64', runner: 'big' }],
    ],
    [
      'the longest prefix',
      'linux/arm/v7,linux/arm64',
      ['linux/arm=small', 'linux/arm64=large', 'linux=any'],
      [
        { leg: 'linux-arm-v7', platforms: 'linux/arm/v7', runner: 'small' },
        { leg: 'linux-arm64', platforms: 'linux/arm64', runner: 'large' },
      ],
    ],
    [
      'the same platform once',
      'linux/amd64,linux/amd64',
      [],
      [{ leg: 'linux-amd64', platforms: 'linux/amd64', runner: 'ubuntu-24.04' }],
    ],
  ])('%s', (_, platforms, runners, legs) => expect(legsOf(platforms, runners)).toEqual(legs))

  test('each platform has its own when that is wanted', () => {
    expect(legsOf('linux/amd64,linux/386', [], true).map(({ leg }) => leg)).toEqual(['linux-amd64', 'linux-386'])
  })

  test('images have legs of their own, whose names differ', () => {
    const platforms = [parsePlatform('linux/amd64')]
    const legs = planImageLegs(
      [
        { name: 'a/b', platforms },
        { name: 'a-b', platforms },
      ],
      {},
    )
    expect(legs).toEqual([
      { leg: 'a-b_linux-amd64', platforms: 'linux/amd64', runner: 'ubuntu-24.04', image: 'a/b' },
      { leg: 'a-b_linux-amd64_2', platforms: 'linux/amd64', runner: 'ubuntu-24.04', image: 'a-b' },
    ])
  })

  test.each(['linux/amd64', '=x', 'linux/amd64=', 'linux/amd64=[]', 'a=[b,]', 'a=b\nc'])(
    '--runner %j is refused',
    (text) => {
      expect(() => parseRunner(text, '--runner')).toThrow(/Cannot use --runner/)
    },
  )
})

describe('the file of a leg', () => {
  const digest = `sha256:${'a'.repeat(64)}` as const
  const leg = (platforms: string[], folder: string) => ({ platforms, digest, folder })

  test('is read as it was written', () => {
    const text = formatLeg({ platforms: ['linux/arm64'], digest })
    expect(parseLeg(Buffer.from(text), 'x')).toEqual({ platforms: ['linux/arm64'], digest })
    const more = { platforms: ['linux/arm64'], digest, image: 'app', repository: 'ghcr.io/octo/app' }
    expect(parseLeg(Buffer.from(formatLeg(more)), 'x')).toEqual(more)
  })

  test.each([
    ['', /not JSON/],
    ['{"version":2}', /version is 2: another version/],
    ['{"version":1,"digest":"sha256:../x","platforms":["linux/amd64"]}', /digest is not a digest/],
    [`{"version":1,"digest":"${digest}","platforms":[]}`, /platforms is empty/],
    [`{"version":1,"digest":"${digest}","platforms":["x y"]}`, /platform/],
    [`{"version":1,"digest":"${digest}","platforms":["linux/amd64"],"repository":"a:1"}`, /more than a repository/],
    [`{"version":1,"digest":"${digest}","platforms":["linux/amd64"],"repository":"../x"}`, /./],
  ])('%s is refused', (text, message) => expect(() => parseLeg(Buffer.from(text), 'x')).toThrow(message))

  test('legs must have each platform once, and all that are expected', () => {
    const [one, two] = [leg(['linux/amd64'], 'a'), leg(['linux/arm64'], 'b')]
    expect(() => checkLegs([one, two], ['linux/amd64', 'linux/arm64'])).not.toThrow()
    expect(() => checkLegs([one], ['linux/amd64', 'linux/arm64', 'linux/s390x'])).toThrow(
      /linux\/arm64, linux\/s390x is missing, no tag was moved/,
    )
    expect(() => checkLegs([one, { ...one, folder: 'c' }], [])).toThrow(/linux\/amd64 is in "a" and in "c"/)
  })
})
