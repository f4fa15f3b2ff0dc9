import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ConfigFileError, parseConfigFile, readConfigFile } from '../../../src/config/file.ts'
import { fileTargets, type GivenTexts } from '../../../src/config/images/file-targets.ts'
import { IMAGE_KEYS } from '../../../src/config/images/keys.ts'
import { requestsOf } from '../../../src/config/images/options.ts'
import { targetJson } from '../../../src/config/images/print.ts'
import { askName, asksOf, type Judge } from '../../../src/config/project.ts'
import { fileSchema } from '../../../src/config/schema.ts'
import { parsePlatform } from '../../../src/platform.ts'

const isValid = new Ajv({ allowUnionTypes: true, strictRequired: false }).compile(fileSchema())
const localPlatform = parsePlatform('linux/amd64')

/** Every problem with its place. */
function problems(text: string): string[] {
  try {
    parseConfigFile(text, 'xbuild.yaml')
    return []
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    const all = error.diagnostics.length > 0 ? error.diagnostics : [error]
    return all.map(({ at, message, hint }) => `${at?.line}:${at?.column}: ${message}${hint ? ` | ${hint}` : ''}`)
  }
}

const targets = (text: string, given: GivenTexts = {}, env: Record<string, string> = {}) =>
  fileTargets(parseConfigFile(text, 'xbuild.yaml'), { givenFor: () => given, env, localPlatform })
const printed = (text: string, given: GivenTexts = {}, env: Record<string, string> = {}) =>
  Object.fromEntries(targets(text, given, env).map((target) => [target.name, targetJson(target)]))

const EVERY_KEY = `
images:
  base: {context: base}
  web:
    description: the shop
    context: web
    dockerfile: docker/web.Dockerfile
    target: final
    platforms: [linux/amd64, "linux/arm64,linux/386"]
    tags: [shop/web:1.10, shop/web:latest]
    args: {A: 1, B: "", TOKEN: }
    labels: [a=b, c]
    annotations: a=b
    contexts: {base: target:base, tools: docker-image://tools:1, more: ../more}
    outputs: ["type=local,dest=out"]
    cache-from: type=local,src=cache
    cache-to: type=inline
    no-cache: false
    no-cache-filter: [final]
    pull: True
    provenance: mode=max
    sbom: true
    secrets: ["id=npm,src=.npmrc"]
    ssh: [default=key]
    network: none
    add-hosts: {db: 10.0.0.5}
    ulimits: nofile=10
    resources: memory=2g
    shm-size: 64m
    allow: network.host
    test: app --version
    timeout: 10m
`

test('every key of an image, in the model of bake and compose files', () => {
  expect(printed(EVERY_KEY, {}, { TOKEN: 't' })['web']).toEqual({
    description: 'the shop',
    annotations: ['a=b'],
    attest: [{ mode: 'max', type: 'provenance' }, { type: 'sbom' }],
    context: 'web',
    contexts: { base: 'target:base', tools: 'docker-image://tools:1', more: '../more' },
    dockerfile: 'docker/web.Dockerfile',
    args: { A: '1', B: '', TOKEN: 't' },
    labels: { a: 'b', c: '' },
    tags: ['shop/web:1.10', 'shop/web:latest'],
    'cache-from': [{ type: 'local', src: 'cache' }],
    'cache-to': [{ type: 'inline' }],
    target: 'final',
    secret: [{ id: 'npm', src: '.npmrc' }],
    ssh: [{ id: 'default', paths: ['key'] }],
    platforms: ['linux/amd64', 'linux/arm64', 'linux/386'],
    output: [{ type: 'local', dest: 'out' }],
    pull: true,
    'no-cache': false,
    network: 'none',
    'no-cache-filter': ['final'],
    'shm-size': '64m',
    ulimits: ['nofile=10'],
    resources: { memory: '2g' },
    entitlements: ['network.host'],
    test: ['app --version'],
    'extra-hosts': { db: '10.0.0.5' },
  })
  const [request] = requestsOf(targets(EVERY_KEY).slice(1), {
    shared: { cwd: '/p', progress: 'plain', registries: {} },
    env: {},
    secretEnv: {},
    localPlatform,
    names: ['base', 'web'],
  })
  expect(request!.options).toMatchObject({
    file: 'web/docker/web.Dockerfile',
    test: ['app --version'],
    timeout: 600_000,
    buildContexts: { base: { kind: 'target', image: 'base' } },
  })
  const keys = Object.keys((parse(EVERY_KEY) as { images: { web: object } }).images.web)
  expect(Object.keys(IMAGE_KEYS).filter((key) => !keys.includes(key))).toEqual(['dockerfile-inline', 'attest'])
})

test('the top level is what an image does not say; the command line stands over both', () => {
  const text = `
platforms: {linux/amd64: , linux/arm64: {dockerfile: Arm, target: small}}
labels: {team: shop, a: top}
file: shared.Dockerfile
jobs: 3
images:
  web: {context: web, labels: {a: own}}
  api: {context: api, platforms: {linux/386: {dockerfile: D386, args: {X: 1}}}, dockerfile: Own}
`
  const [web, api] = targets(text)
  expect(web).toMatchObject({
    dockerfile: { value: 'cwd://shared.Dockerfile' },
    labels: { team: { value: 'shop' }, a: { value: 'own' } },
    platforms: [{ value: 'linux/amd64' }, { value: 'linux/arm64' }],
    overrides: [{}, { file: 'Arm', target: 'small' }],
  })
  expect(api).toMatchObject({ dockerfile: { value: 'Own' }, overrides: [{ file: 'api/D386', buildArgs: { X: '1' } }] })
  const over = printed(text, { platforms: ['linux/s390x'], labels: ['a=line'], target: ['x'] })
  expect(over).toMatchObject({
    web: { platforms: ['linux/s390x'], labels: { team: 'shop', a: 'line' }, target: 'x' },
    api: { platforms: ['linux/s390x'], labels: { team: 'shop', a: 'line' } },
  })
})

test('two images of one name are refused', () => {
  expect(() => targets('images: {a: {tags: x}, b: {tags: [y, x]}}')).toThrow('"a" and "b": both are called "x"')
})

const GOOD = [
  '',
  'images:',
  'images: {web: }',
  'platforms: {linux/amd64: , linux/arm64: {dockerfile: a, target: b, args: [A=b, C], base: {x: y}, timeout: 1m, optional: yes1}}'.replace(
    'yes1',
    'true',
  ),
  'platforms: linux/amd64,linux/arm64\ntags: [a, b]\njobs: 4\ntimeout: 1h30m\nsilence-timeout: 7d\npull: true\nshm-size: 1g\nprogress: plain\naccel: off',
  'store: {folder: a, limit: 20GB}\nnodes: {a: ssh://b, c: {endpoint: ssh://d, platforms: [linux/arm64], slots: 2, packs: true}}',
  'store: x\nregistries: {docker.io: {mirrors: [a, b/c], http: true, insecure: false, ca: x.pem}, "[::1]:5": }',
  'build-args: {A: 1, B: , C: true}\nlabels: a=b\nbuild-contexts: [x=y]\nadd-hosts: [db:10.0.0.1]',
  EVERY_KEY,
  'images: {a: {dockerfile-inline: "FROM scratch", attest: [type=provenance], platforms: {linux/arm64: {optional: true}}}}',
]

/** Both the schema and the program refuse these. */
const BAD: readonly (readonly [text: string, problem: string])[] = [
  ['imges: {}', '1:1: Cannot use key "imges": unknown | Did you mean "images"?'],
  ['images: web', '1:9: Cannot use images: keys and values are needed | Write "key: value", one on each line'],
  [
    'images:\n  web: [a]',
    '2:8: Cannot use image "web": keys and values are needed | Write it like web: {context: web}',
  ],
  ['images:\n  a/b: {}', '2:3: Cannot use image "a/b": it is no name | Use letters, digits, "_", "." and "-"'],
  [
    'images:\n  web: {dockerfle: x}',
    '2:9: Cannot use key "dockerfle" of image "web": unknown | Did you mean "dockerfile"?',
  ],
  [
    'images:\n  web: {build-args: {A: b}}',
    '2:9: Cannot use key "build-args" of image "web": unknown | Did you mean "args"?',
  ],
  ['images:\n  web: {context: [a]}', '2:18: Cannot use context: one value is needed'],
  ['images:\n  web: {context: }', '2:18: Cannot use context: a text is needed'],
  ['images:\n  web: {target: {a: b}}', '2:17: Cannot use target: a text is needed'],
  ['images:\n  web: {tags: {a: b}}', '2:15: Cannot use tags: a text is needed'],
  ['images:\n  web: {args: {A: [b]}}', '2:19: Cannot use args of "A": a text is needed'],
  [
    'images:\n  web: {pull: perhaps}',
    '2:15: Cannot use pull "perhaps": neither true nor false | Write true or false, or nothing for true',
  ],
  ['images:\n  web: {timeout: soon}', '2:18: Cannot use timeout "soon": not a duration | Write it like 24h, 90m or 7d'],
  [
    'images:\n  web: {network: bridge}',
    '2:18: Cannot use network "bridge": unknown network | Use default, private, host or none',
  ],
  ['images:\n  web: {shm-size: big}', '2:19: Cannot use shm-size "big": not a size | Write it like 20GB or 512MB'],
  [
    'images:\n  web: {dockerfile: a, dockerfile-inline: FROM x}',
    '2:43: Cannot use dockerfile-inline of image "web": there is a dockerfile, too | Keep one of the two',
  ],
  [
    'images:\n  web: {platforms: {linux/arm64: {file: x}}}',
    '2:35: Cannot use key "file" of platform "linux/arm64": unknown | Did you mean "dockerfile"?',
  ],
  ['jobs: many', '1:7: Cannot use jobs "many": not a whole number of at least 1'],
  ['jobs: 0', '1:7: Cannot use jobs "0": not a whole number of at least 1'],
  ['progress: loud', '1:11: Cannot use progress "loud": unknown mode | The modes are auto, tty, plain, quiet, rawjson'],
  ['store: {size: 1}', '1:9: Cannot use key "size" of store: unknown | The keys are folder, limit'],
  [
    'nodes: {a: {slots: 2}}',
    '1:9: Cannot use node "a": it has no endpoint | Write it like board: ssh://user@board.example',
  ],
  ['registries: {a: {http: perhaps}}', '1:18: Cannot use http "perhaps": neither true nor false'],
  ['registries: {a: {ca: [x, y]}}', '1:18: Cannot use ca: one value is needed and there are 2'],
]

/** These need more than a schema can say. */
const BAD_FOR_THE_PROGRAM_ONLY: readonly (readonly [text: string, problem: string])[] = [
  [
    'images:\n  web: {contexts: {base: target:bse}}\n  base: {}',
    '2:20: Cannot use contexts "base=target:bse": there is no image of that name | Did you mean "base"?',
  ],
  [
    'images:\n  web: {platforms: linux/amd46}',
    '2:20: Cannot parse platform "linux/amd46": unknown architecture "amd46" | Did you mean "amd64"?',
  ],
  [
    'images:\n  web: {context: docker-image://x}',
    '2:18: Cannot use context "docker-image://x": it is an image | Name a folder or a URL; images belong to contexts',
  ],
]

describe('the schema and the program agree', () => {
  test.each(GOOD)('that %j is good', (text) => {
    expect(problems(text)).toEqual([])
    isValid(parse(text))
    expect(isValid.errors).toBeNull()
  })

  test.each(BAD)('that %j is bad', (text, problem) => {
    expect(problems(text)).toEqual([problem])
    expect(isValid(parse(text))).toBe(false)
  })

  test.each(BAD_FOR_THE_PROGRAM_ONLY)('but for %j', (text, problem) => {
    expect(problems(text)).toEqual([problem])
    expect(isValid(parse(text))).toBe(true)
  })
})

describe('a file of a stranger', () => {
  const judge: Judge = (claim) =>
    claim.kind !== 'run' && /^(\/|\.\.)/.test(claim.path) ? `${claim.kind}s ${claim.path}` : undefined
  const asked = (image: string) =>
    asksOf(readConfigFile(`images:\n  web: {context: web, ${image}}`, 'xbuild.yaml').settings, judge).map(
      (ask) => `${ask.at.line}:${ask.at.column}: ${askName(ask).replace('images.web.', '')}`,
    )

  test.each([
    ['dockerfile: ../x', []],
    ['dockerfile: ../../x', ['2:35: dockerfile "../x": reads ../x']],
    ['dockerfile: cwd://../x', ['2:35: dockerfile "../x": reads ../x']],
    ['contexts: {a: target:web, b: x}', []],
    ['contexts: {a: /etc}', ['2:34: contexts "a=/etc": reads /etc']],
    ['contexts: {a: "cwd://../x"}', ['2:34: contexts "a=cwd://../x": reads ../x']],
    ['contexts: {a: git@h.example:x/y}', ['2:34: contexts "a=git@h.example:x/y": it connects to a server by ssh']],
    ['outputs: out', []],
    ['outputs: ../out', ['2:32: outputs "../out": writes ../out']],
    ['outputs: type=registry', ['2:32: outputs "type=registry": it pushes with the user\'s credentials']],
    ['args: {A: b}', []],
    ['args: {A: }', ['2:30: args "A": it takes the value from the user\'s environment']],
    ['secrets: "id=a,src=key"', []],
    ['secrets: "id=a,src=/etc/shadow"', ['2:32: secrets "id=a,src=/etc/shadow": reads /etc/shadow']],
    ['secrets: id=a', ['2:32: secrets "id=a": it takes a secret from the user\'s environment']],
    [
      'secrets: "id=a, TYPE=env,src=TOKEN"',
      ['2:32: secrets "id=a, TYPE=env,src=TOKEN": it takes a secret from the user\'s environment'],
    ],
    ['ssh: default=key', ['2:28: ssh "default=key": it lets steps sign with the user\'s ssh keys']],
    ['network: host', ['2:32: network "host": it gives steps the network of this machine']],
    ['allow: network.host', ['2:30: allow "network.host": it gives steps a right']],
    ['cache-to: type=inline', []],
    ['platforms: {linux/386: {dockerfile: ../../x}}', ['2:47: platforms.linux/386.dockerfile "../x": reads ../x']],
  ])('that says %s is asked for %j', (image, asks) => {
    expect(asked(image)).toEqual(asks)
  })

  test('has its context looked at, too', () => {
    const { settings } = readConfigFile('images: {a: {context: ..}}', 'xbuild.yaml')
    expect(asksOf(settings, judge).map(({ key }) => key)).toEqual(['images.a.context'])
  })
})
