import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { runHere, type Left } from '../support/run-in-process.ts'

const SECRET = 'what nobody may read'
const LONG_AGO = new Date('2001-01-01T00:00:00Z')
/** Long enough for a busy machine, and far below what any of these files would take. */
const MOST_TIME = 20_000
const MOST_MEMORY = 300e6

let top: string
let count = 0
beforeAll(() => void (top = mkdtempSync(join(tmpdir(), 'xbuild-hostile-'))))
afterAll(() => rmSync(top, { recursive: true, force: true }))

interface Project {
  readonly files: Readonly<Record<string, string>>
  /** Symbolic links of the project. */
  readonly links?: Readonly<Record<string, string>>
  readonly pipe?: string
  /** A file without content that claims to be this large. */
  readonly large?: string
}

/** Builds a project as its victim would, who has secrets beside it; sees to it that they are as before. */
async function attempt(argv: readonly string[], { files, links = {}, pipe, large }: Project): Promise<Left> {
  const folder = join(top, `case-${++count}`)
  const project = writeFiles(join(folder, 'project'), { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n', ...files })
  const outside = writeFiles(join(folder, 'outside'), {
    '.ssh/id': SECRET,
    'x.yaml': `services: {a: {build: .}} # ${SECRET}\n`,
    'x.env': `A=${SECRET}\n`,
    'x.hcl': `target "default" { args = { A = "${SECRET}" } }\n`,
    Dockerfile: `FROM scratch\n# ${SECRET}\n`,
    'layout/index.json': SECRET,
    'evil.sh': `#!/bin/sh\ntouch ${folder}/outside/ran\n`,
  })
  for (const [name, target] of Object.entries(links)) {
    mkdirSync(dirname(join(project, name)), { recursive: true })
    symlinkSync(target, join(project, name))
  }
  if (pipe) execFileSync('mkfifo', [join(project, pipe)])
  if (large) truncateSync(join(project, large), 5e9)
  const names = readdirSync(outside, { recursive: true, encoding: 'utf8' }).toSorted()
  for (const name of names) utimesSync(join(outside, name), LONG_AGO, new Date())
  const before = readdirSync(project, { recursive: true, encoding: 'utf8' }).toSorted()

  const [started, memory] = [performance.now(), process.memoryUsage().rss]
  const env = {
    HOME: outside,
    TOKEN: SECRET,
    SSH_AUTH_SOCK: join(outside, 'agent'),
    XBUILD_HOME: join(folder, 'store'),
  }
  const left = await runHere([...argv.slice(0, 1), ...argv.slice(1)], { cwd: project, env })
  expect(performance.now() - started).toBeLessThan(MOST_TIME)
  expect(process.memoryUsage().rss - memory).toBeLessThan(MOST_MEMORY)

  expect(left.stdout + left.stderr).not.toContain(SECRET)
  expect(readdirSync(outside, { recursive: true, encoding: 'utf8' }).toSorted()).toEqual(names)
  expect(
    readdirSync(folder)
      .toSorted()
      .filter((name) => name !== 'store'),
  ).toEqual(['outside', 'project'])
  expect(readdirSync(project, { recursive: true, encoding: 'utf8' }).toSorted()).toEqual(before)
  for (const name of names.filter((name) => statSync(join(outside, name)).isFile()))
    expect(statSync(join(outside, name)).atime, `${name} was read`).toEqual(LONG_AGO)
  return left
}

test('what is read is seen', () => {
  const file = join(writeFiles(join(top, 'seen'), { file: 'text' }), 'file')
  utimesSync(file, LONG_AGO, new Date())
  readFileSync(file)
  expect(statSync(file).atime).not.toEqual(LONG_AGO)
})

function expectRefused({ code, stdout, stderr }: Left, message: RegExp, place: RegExp): void {
  expect(stderr).toMatch(message)
  expect(stderr).toMatch(place)
  expect(stdout).toBe('')
  expect(code, stderr).toBe(2)
}

const repeat = (text: string, times: number) => text.repeat(times)
const target = (attributes: string) => ({ files: { 'docker-bake.hcl': `target "default" {\n${attributes}\n}\n` } })
const hcl = (text: string) => ({ files: { 'docker-bake.hcl': text } })

describe('bake files that are refused', () => {
  const AT = /docker-bake\.(?:hcl|json):\d+:\d+/
  test.each<[string, RegExp, Project]>([
    ['a context of the system', /fs\.read=\/etc/, target('context = "/etc"')],
    ['a context above', /fs\.read=/, target('context = ".."')],
    ['a context that hides its way up', /fs\.read=/, target('context = "a/b/../../../outside"')],
    ['a context beside where the command runs', /fs\.read=/, target('context = "cwd://../outside"')],
    ['a named context above', /contexts\.x/, target('contexts = { x = "../outside" }')],
    ['a layout above', /fs\.read=|oci-layout/, target('contexts = { x = "oci-layout://../outside/layout" }')],
    ['a Dockerfile of the system', /dockerfile/, target('dockerfile = "/etc/passwd"')],
    ['a Dockerfile above', /dockerfile/, target('dockerfile = "../outside/Dockerfile"')],
    [
      'a Dockerfile that an expression names',
      /dockerfile/,
      target('dockerfile = join("/", ["..", "outside", "Dockerfile"])'),
    ],
    ['a link to a folder above', /fs\.read=/, { ...target('context = "link"'), links: { link: '../outside' } }],
    [
      'a link to a Dockerfile above',
      /dockerfile/,
      { ...target('dockerfile = "d"'), links: { d: '../outside/Dockerfile' } },
    ],
    [
      'a link in the way of a secret',
      /--allow/,
      { ...target('secret = ["id=s,src=link/.ssh/id"]'), links: { link: '../outside' } },
    ],
    ['the secret of a home', /--allow/, target('secret = ["id=s,src=${homedir()}/.ssh/id"]')],
    ['a secret of the environment', /secret=TOKEN/, target('secret = ["id=s,env=TOKEN"]')],
    ['a secret as an object', /secret=TOKEN/, target('secret = [{ id = "TOKEN" , env = "TOKEN" }]')],
    ['the ssh agent', /--allow ssh/, target('ssh = ["default"]')],
    ['an ssh key', /--allow/, target('ssh = ["k=../outside/.ssh/id"]')],
    ['files above', /fs\.write=/, target('output = ["type=local,dest=../out"]')],
    ['files by a link', /fs\.write=/, { ...target('output = ["link/out"]'), links: { link: '../outside' } }],
    ['an archive of the home', /fs\.write=/, target('output = ["type=tar,dest=${homedir()}/.bashrc"]')],
    ['a layout above, as an object', /fs\.write=/, target('output = [{ type = "oci", dest = "../out.tar" }]')],
    ['a cache above', /--allow/, target('cache-to = ["type=local,dest=../cache"]')],
    ['a cache from above', /--allow/, target('cache-from = ["type=local,src=../outside"]')],
    ['a push', /image\.push/, target('tags = ["registry.example/a"]\noutput = ["type=registry"]')],
    ['the network of the machine', /network\.host/, target('network = "host"')],
    ['all rights', /security\.insecure/, target('entitlements = ["security.insecure"]')],
    [
      'variables in a circle',
      /depends on itself/,
      hcl('variable "A" { default = B }\nvariable "B" { default = A }\ntarget "default" { args = { A = A } }\n'),
    ],
    [
      'functions in a circle',
      /calls itself/,
      hcl('function "f" {\nparams = [x]\nresult = f(x)\n}\ntarget "default" { args = { A = f(1) } }\n'),
    ],
    [
      'a matrix without end',
      /too many/,
      hcl(
        `target "default" {\nname = "x"\nmatrix = {\n${[...'abcdefgh'].map((key) => `${key} = range(100)`).join('\n')}\n}\n}\n`,
      ),
    ],
    [
      'loops in loops',
      /too many|too much|more than/,
      hcl(
        'target "default" { args = { A = jsonencode(flatten([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]])) } }\n',
      ),
    ],
    [
      'a text that grows without end',
      /too|more than/,
      hcl(
        `target "default" { args = { A = replace(replace("${repeat('a', 9000)}", "a", "${repeat('b', 9000)}"), "b", "ccccc") } }\n`,
      ),
    ],
    [
      'parentheses without end',
      /nested|deep/,
      hcl(`target "default" { args = { A = ${repeat('(', 5000)}1${repeat(')', 5000)} } }\n`),
    ],
    [
      'JSON without end',
      /nested|deep/,
      { files: { 'docker-bake.json': `${repeat('{"target":', 20_000)}1${repeat('}', 20_000)}` } },
    ],
    ['bytes that are no text', /docker-bake\.hcl/, hcl('target "default" {\n\u0000\u0001\u0002 = 1\n}\n')],
  ])('%s', async (_, message, project) => {
    expectRefused(await attempt(['bake'], project), message, AT)
  })

  test.each<[string, RegExp, Project]>([
    ['a file that is a link', /link|outside/, { files: {}, links: { 'docker-bake.hcl': '../outside/x.hcl' } }],
    [
      'an override that is a link',
      /link|outside/,
      { ...target('tags = ["a"]'), links: { 'docker-bake.override.hcl': '../outside/x.hcl' } },
    ],
    [
      'contexts in a circle',
      /itself/,
      hcl('target "default" { contexts = { a = "target:b" } }\ntarget "b" { contexts = { a = "target:default" } }\n'),
    ],
    ['a file without end', /larger|MB/, { ...target('tags = []'), large: 'docker-bake.hcl' }],
    ['a pipe', /regular file|pipe|not a file/, { files: {}, pipe: 'docker-bake.hcl' }],
  ])('%s', async (_, message, project) => {
    expectRefused(await attempt(['bake'], project), message, /docker-bake|default/)
  })
})

const service = (build: string, rest = '') => ({
  files: { 'compose.yaml': `services:\n  web: {build: ${build}}\n${rest}` },
})
const compose = (text: string, more: Readonly<Record<string, string>> = {}) => ({
  files: { 'compose.yaml': text, ...more },
})

describe('compose files that are refused', () => {
  const AT = /[\w/.]+\.(?:yaml|env|yml):\d+:\d+/
  const aliases = Array.from({ length: 12 }, (_, i) => `x${i + 1}: &a${i + 1} [${Array(12).fill(`*a${i}`).join(', ')}]`)
  test.each<[string, RegExp, Project]>([
    ['a context by a variable', /outside of the project/, service('"${UP:-..}"')],
    ['a context by a link', /outside of the project/, { ...service('link'), links: { link: '../outside' } }],
    [
      'a context by two links',
      /outside of the project/,
      { ...service('a/b'), links: { 'a/b': '../c', c: '../outside' } },
    ],
    [
      'a Dockerfile by a link',
      /dockerfile/,
      { ...service('{context: ., dockerfile: d}'), links: { d: '../outside/Dockerfile' } },
    ],
    ['a Dockerfile above its context', /dockerfile/, service('{context: sub, dockerfile: ../../outside/Dockerfile}')],
    [
      'a layout above',
      /contexts\.x/,
      service('{context: ., additional_contexts: {x: "oci-layout://../outside/layout"}}'),
    ],
    ['a secret above', /secret/, service('{context: ., secrets: [s]}', 'secrets: {s: {file: ../outside/.ssh/id}}\n')],
    ['a secret of the home', /secret/, service('{context: ., secrets: [s]}', 'secrets: {s: {file: ~/.ssh/id}}\n')],
    [
      'a secret of the environment',
      /secret=TOKEN/,
      service('{context: ., secrets: [{source: s, target: t}]}', 'secrets: {s: {environment: TOKEN}}\n'),
    ],
    ['an ssh key of the home', /--allow/, service('{context: ., ssh: ["k=~/.ssh/id"]}')],
    ['privileges by a word', /security\.insecure/, service('{context: ., privileged: "yes"}')],
    ['the network of the machine', /network\.host/, service('{context: ., network: "${N:-host}"}')],
    ['a cache above', /--allow/, service('{context: ., cache_to: ["type=local,dest=../cache"]}')],
    [
      'an output by a link',
      /fs\.write=/,
      { ...service('{context: ., x-bake: {output: "link/out"}}'), links: { link: '../outside' } },
    ],
    [
      'a file above to extend',
      /fs\.read=/,
      compose('services:\n  web: {extends: {file: ../outside/x.yaml, service: a}}\n'),
    ],
    [
      'a file to extend by a link',
      /fs\.read=/,
      {
        ...compose('services:\n  web: {extends: {file: l.yaml, service: a}}\n'),
        links: { 'l.yaml': '../outside/x.yaml' },
      },
    ],
    [
      'a file above to extend, of another file',
      /fs\.read=/,
      compose('services:\n  web: {extends: {file: b.yaml, service: b}}\n', {
        'b.yaml': 'services: {b: {extends: {file: ../outside/x.yaml, service: a}}}',
      }),
    ],
    ['a file above to include', /fs\.read=/, compose('include: [../outside/x.yaml]\n')],
    [
      'a file to include by a link',
      /fs\.read=/,
      { ...compose('include: [l.yaml]\n'), links: { 'l.yaml': '../outside/x.yaml' } },
    ],
    [
      'variables above to include',
      /fs\.read=/,
      compose('include: [{path: b.yaml, env_file: ../outside/x.env}]\n', {
        'b.yaml': 'services: {b: {build: {context: ., args: [A]}}}',
      }),
    ],
    [
      'a folder above to include in',
      /fs\.read=/,
      compose('include: [{path: b.yaml, project_directory: ../outside}]\n', {
        'b.yaml': 'services: {b: {extends: {file: x.yaml, service: a}}}',
      }),
    ],
    ['a file of a web server', /include/, compose('include: ["http://127.0.0.1:9/x.yaml"]\n')],
    ['a file of a repository', /include/, compose('include: ["https://git.example/a/b.git#main:compose.yaml"]\n')],
    ['a file of a registry', /include/, compose('include: ["oci://registry.example/a:1"]\n')],
    [
      'files that include each other',
      /includes itself/,
      compose('include: [b.yaml]\n', { 'b.yaml': 'include: [compose.yaml]\n' }),
    ],
    [
      'files that extend each other',
      /extends itself/,
      compose('services: {a: {extends: {file: b.yaml, service: b}}}\n', {
        'b.yaml': 'services: {b: {extends: {file: compose.yaml, service: a}}}\n',
      }),
    ],
    [
      'files without end',
      /more than 200 files/,
      compose(
        'include: [f0.yaml]\n',
        Object.fromEntries(Array.from({ length: 260 }, (_, i) => [`f${i}.yaml`, `include: [f${i + 1}.yaml]\n`])),
      ),
    ],
    [
      'files that double',
      /more than 200 files/,
      compose(
        'include: [g0.yaml, g0.yaml]\n',
        Object.fromEntries(
          Array.from({ length: 20 }, (_, i) => [`g${i}.yaml`, `include: [g${i + 1}.yaml, g${i + 1}.yaml]\n`]),
        ),
      ),
    ],
    [
      'services in a circle',
      /depends on itself/,
      compose('services:\n  a: {build: ., depends_on: [b]}\n  b: {build: ., depends_on: [a]}\n'),
    ],
    [
      'an alias in an alias in an alias',
      /more than 100000 values/,
      compose(`x0: &a0 [lol]\n${aliases.join('\n')}\nservices: {web: {build: .}}\n`),
    ],
    ['an alias that stands for itself', /stands for itself/, compose('x-a: &a {b: *a}\nservices: {web: {build: .}}\n')],
    [
      'merge keys that double',
      /more than 100000 values|no such key/,
      compose(
        `x-0: &m0 {k: ${'[1, 2, 3, 4, 5, 6, 7, 8]'}}\n${Array.from({ length: 20 }, (_, i) => `x-${i + 1}: &m${i + 1} {a: *m${i}, b: *m${i}, c: *m${i}}`).join('\n')}\nservices: {web: {build: .}}\n`,
      ),
    ],
    ['nesting without end', /nested too deeply/, compose(`x-a: ${repeat('[', 5000)}${repeat(']', 5000)}\n`)],
    [
      'variables without end',
      /more than 4 MB/,
      compose(`services: {web: {build: {context: ., args: {A: "${repeat('$A', 4000)}"}}}}\n`, {
        '.env': `A=${repeat('x', 100_000)}\n`,
      }),
    ],
    [
      'defaults within defaults without end',
      /compose\.yaml/,
      compose(`services: {web: {build: {context: ., target: "${repeat('${A:-', 20_000)}${repeat('}', 20_000)}"}}}\n`),
    ],
    [
      'tags of other languages',
      /compose\.yaml/,
      compose('services: {web: {build: !!python/object/apply:os.system ["touch ../outside/ran"]}}\n'),
    ],
    ['a pipe to include', /regular file|pipe|not a file/, { ...compose('include: [p.yaml]\n'), pipe: 'p.yaml' }],
    [
      'a file without end to include',
      /larger|MB/,
      { ...compose('include: [b.yaml]\n', { 'b.yaml': '' }), large: 'b.yaml' },
    ],
  ])('%s', async (_, message, project) => {
    expectRefused(await attempt(['compose', 'build'], project), message, AT)
  })

  test.each<[string, RegExp, Project]>([
    ['a file that is a link', /link|outside/, { files: {}, links: { 'compose.yaml': '../outside/x.yaml' } }],
    [
      'an override that is a link',
      /link|outside/,
      { ...service('.'), links: { 'compose.override.yaml': '../outside/x.yaml' } },
    ],
    [
      'variables that are a link',
      /link|outside/,
      { ...service('{context: ., args: [A]}'), links: { '.env': '../outside/x.env' } },
    ],
    [
      'variables that name a file above',
      /outside/,
      compose('services: {}\n', { '.env': 'COMPOSE_FILE=../outside/x.yaml\n' }),
    ],
    [
      'contexts in a circle',
      /itself/,
      compose(
        'services:\n  a: {build: {additional_contexts: {x: "service:b"}}}\n  b: {build: {additional_contexts: {x: "service:a"}}}\n',
      ),
    ],
  ])('%s', async (_, message, project) => {
    const { code, stdout, stderr } = await attempt(['compose', 'build'], project)
    expect(stderr).toMatch(message)
    expect([code, stdout]).toEqual([2, ''])
  })
})

test.each([
  ['brackets', `a: ${repeat('[', 5000)}`],
  ['lists', `a:\n  ${repeat('- ', 5000)}x`],
  ['brackets that a comment hides', repeat('[ # ]\n', 5000)],
])('an xbuild.yaml nested without end: %s', async (_, text) => {
  const { code, stderr } = await attempt(['plan', '.'], { files: { 'xbuild.yaml': text } })
  expect(stderr).toMatch(/nested too deeply\n\s+at xbuild\.yaml:\d+:\d+/)
  expect(code).toBe(2)
})

describe('what is for containers is not read and not run', () => {
  test.each([
    ['variables of a container', 'env_file: ../outside/x.env'],
    ['labels of a container', 'label_file: ../outside/x.env'],
    ['a program that provides a service', 'provider: {type: ../outside/evil.sh}'],
    ['hooks of a container', 'post_start: [{command: ../outside/evil.sh}]'],
    ['configs of a container', 'configs: [c]'],
    ['what development watches', 'develop: {watch: [{path: ../outside, action: rebuild}]}'],
  ])('%s', async (_, key) => {
    const text = `services:\n  web: {build: ., ${key}}\nconfigs: {c: {file: ../outside/.ssh/id}}\n`
    const { code, stderr } = await attempt(['compose', 'config'], compose(text))
    expect(code, stderr).toBe(0)
  })
})
