import { copyFileSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'
import { baseLayer } from './support/base-layer.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const NATIVE = formatPlatform(platformOfNodeArch(process.arch))
const folder = tempFolder()
const store = join(folder, 'store')
let count = 0
let project: string

beforeAll(async () => void (await baseLayer()))

beforeEach(async () => {
  project = join(folder, `shop-${++count}`)
})

/** The base layer has programs of this machine's platform alone. */
const compose = ([command, ...args]: readonly string[], env: Record<string, string> = {}) =>
  xbuild(['compose', command!, ...(command === 'build' ? ['--audit=off'] : []), ...args], { cwd: project, store, env })

describe('a monorepo', () => {
  test('of four services on a shared base, for two platforms: the base runs once, each image has its own', async () => {
    writeFiles(project, {
      '.env': 'GREETING=hello\n',
      'compose.yaml': `
x-platforms: &two
  platforms: [${NATIVE}, linux/386]
services:
  base: {build: {<<: *two, context: base}}
  web: {build: {<<: *two, context: web, additional_contexts: {base: "service:base"}, args: {GREETING: }, x-bake: {output: "type=local,dest=out/web"}}}
  api: {build: {<<: *two, context: api, additional_contexts: [base=service:base], secrets: [key], x-bake: {output: ["type=local,dest=out/api"]}}}
  tool:
    profiles: [dev]
    build:
      <<: *two
      context: api
      dockerfile_inline: |
        FROM base
        RUN echo inline > /name
      additional_contexts: {base: "service:base"}
      x-bake: {output: "type=local,dest=out/tool"}
  db: {image: postgres}
secrets: {key: {file: key.txt}}
`,
      'key.txt': 'opensesame',
      'base/Dockerfile':
        'FROM scratch\nADD base.tar.gz /\nRUN cat /proc/sys/kernel/random/uuid > /id && echo shared step\n',
      'web/Dockerfile': 'FROM base\nARG GREETING\nRUN echo "$GREETING web" > /name\n',
      'api/Dockerfile': 'FROM base\nRUN --mount=type=secret,id=key wc -c < /run/secrets/key > /name\n',
    })
    copyFileSync(await baseLayer(), join(project, 'base/base.tar.gz'))
    const first = await compose(['build', '--profile', 'dev', '--metadata-file', 'meta.json'])
    expect(first.stderr).not.toContain('error:')
    expect(first.code).toBe(0)
    const read = (service: string, platform: string, file: string) =>
      readFileSync(join(project, 'out', service, platform.replace('/', '_'), file), 'utf8').trim()
    for (const platform of [NATIVE, 'linux/386']) {
      expect(['web', 'api', 'tool'].map((service) => read(service, platform, 'name'))).toEqual([
        'hello web',
        '10',
        'inline',
      ])
      expect(new Set(['web', 'api', 'tool'].map((service) => read(service, platform, 'id'))).size).toBe(1)
    }
    expect(
      first.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['base', 'web', 'api', 'tool'])
    const metadata = JSON.parse(readFileSync(join(project, 'meta.json'), 'utf8')) as Record<string, object>
    expect(Object.keys(metadata)).toEqual(['base', 'web', 'api', 'tool'])
    for (const line of first.stdout.trim().split('\n')) {
      const [name = '', digest] = line.split(' ')
      expect(metadata[name]).toMatchObject({ 'containerimage.digest': digest })
    }
    expect(first.stderr).toMatch(/IMAGE\s+PLATFORM\s+STRATEGY\s+CACHED\s+TIME\s+SIZE\s+DIGEST/)

    const again = await compose(['build', 'web'])
    expect(again.stdout.split('\n').filter(Boolean)).toHaveLength(2)
    expect(first.stdout).toContain(again.stdout.split('\n').find((line) => line.startsWith('web ')))
  })

  test('of which one image fails: the others are built, and all ends with status 1', async () => {
    writeFiles(project, {
      'compose.yaml':
        'services: {bad: {build: {context: ., dockerfile: Bad}}, good: {build: {context: ., dockerfile: Good, x-bake: {output: "type=local,dest=out"}}}}',
      Bad: 'FROM scratch\nCOPY nowhere /\n',
      Good: 'FROM scratch\nCOPY Good /good\n',
    })
    const { code, stderr, stdout } = await compose(['build'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/bad: error: .*nowhere/)
    expect(stdout).toMatch(/^good sha256:\w+\n$/)
    expect(existsSync(join(project, 'out/good'))).toBe(true)
  })

  test('is pushed where a service names its image, and said otherwise', async () => {
    writeFiles(project, {
      'compose.yaml': 'services: {web: {build: .}, api: {image: "127.0.0.1:1/api", build: .}}',
      Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
    })
    const { code, stderr, stdout } = await compose(['build', '--push'])
    expect(stderr).toContain('web is not pushed: its service has no image')
    expect(stderr).toMatch(/api: error: .*127\.0\.0\.1:1/)
    expect(stdout).toMatch(/^web sha256:\w+\n$/)
    expect(code).toBe(1)
  })

  test('ends at the first failure with --fail-fast', async () => {
    writeFiles(project, {
      'compose.yaml': `services: {bad: {build: {context: ., dockerfile: Bad, platforms: [${NATIVE}, linux/386]}}, slow: {build: {context: .}}}`,
      Bad: 'FROM scratch\nADD base.tar.gz /\nRUN exit 3\n',
      Dockerfile: 'FROM scratch\nADD base.tar.gz /\nRUN sleep 600\n',
    })
    copyFileSync(await baseLayer(), join(project, 'base.tar.gz'))
    const { code, stderr } = await compose(['build', '--fail-fast'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/bad: error: .*exit 3/)
    expect(stderr).toContain('Not built, because "bad" failed')
  })
})

describe('what a stranger wrote', () => {
  const hostile = (service: string, rest = '') =>
    writeFiles(project, {
      'compose.yaml': `services: {web: ${service}}\n${rest}`,
      Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
    })

  test.each([
    ['a context above', '{build: ..}', '', /set context ".*": it resolves to .*, outside of the project/],
    ['a named context elsewhere', '{build: {context: ., additional_contexts: {a: /etc}}}', '', /contexts.a "\/etc"/],
    ['a Dockerfile elsewhere', '{build: {context: ., dockerfile: /etc/passwd}}', '', /dockerfile "\/etc\/passwd"/],
    ['a secret file elsewhere', '{build: {context: ., secrets: [s]}}', 'secrets: {s: {file: /etc/shadow}}', /secret/],
    [
      'a secret of the environment',
      '{build: {context: ., secrets: [s]}}',
      'secrets: {s: {environment: TOKEN}}',
      /secret=TOKEN/,
    ],
    ['the ssh agent', '{build: {context: ., ssh: [default]}}', '', /--allow ssh/],
    ['the network of the host', '{build: {context: ., network: host}}', '', /--allow network.host/],
    ['a cache of its own', '{build: {context: ., cache_from: [evil.example/x]}}', '', /--allow cache/],
    ['a push', '{build: {context: ., x-bake: {output: "type=registry"}}}', '', /--allow image.push/],
    ['an output above', '{build: {context: ., x-bake: {output: "type=local,dest=../out"}}}', '', /fs.write=/],
    ['privileges', '{build: {context: ., privileged: true}}', '', /security.insecure/],
    ['a file above to extend', '{extends: {file: ../../x.yaml, service: a}}', '', /fs.read=/],
    ['a file above to include', '{build: .}', 'include: [/etc/passwd]', /fs.read=/],
  ])('is refused: %s', async (_, service, rest, message) => {
    hostile(service, rest)
    const { code, stderr } = await compose(['build'], { TOKEN: 't', SSH_AUTH_SOCK: '/run/agent' })
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/at compose\.yaml:\d+:\d+/)
    expect(code).toBe(2)
  })

  test('is refused: a link that leads out', async () => {
    hostile('{build: {context: link}}')
    symlinkSync('/etc', join(project, 'link'))
    const { code, stderr } = await compose(['build'])
    expect(stderr).toContain('it resolves to "/etc", outside of the project')
    expect(code).toBe(2)
  })

  test('is done when the user allows it', async () => {
    hostile('{build: {context: ../other, x-bake: {output: "type=local,dest=../granted"}}}')
    writeFiles(join(folder, 'other'), { Dockerfile: 'FROM scratch\nCOPY x /x\n', x: 'x' })
    const { code, stderr } = await compose([
      'build',
      '--allow',
      'fs.read=../other',
      '--allow',
      `fs.write=${join(folder, 'granted')}`,
    ])
    expect(stderr).not.toContain('error:')
    expect(code).toBe(0)
    expect(readFileSync(join(folder, 'granted/x'), 'utf8')).toBe('x')
  })
})
