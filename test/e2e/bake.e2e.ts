import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const NATIVE = formatPlatform(platformOfNodeArch(process.arch))
const OTHER = NATIVE === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'
const folder = tempFolder()
const store = join(folder, 'store')
let count = 0
let project: string

beforeEach(() => {
  project = join(folder, `bake-${++count}`)
})

const bake = (args: readonly string[], options: { env?: Record<string, string>; input?: string } = {}) =>
  xbuild(['bake', ...args], { cwd: project, store, ...options })

const made = (...path: string[]) => readFileSync(join(project, ...path), 'utf8')

describe('a bake file', () => {
  test('with a group, a matrix, an ancestor and a target context is built for two platforms', async () => {
    writeFiles(project, {
      'docker-bake.hcl': `
variable "WHO" { default = "nobody" }
group "default" { targets = ["app", "tool"] }
target "_common" {
  args = { WHO = upper(WHO) }
  platforms = ["${NATIVE}", "${OTHER}"]
}
target "base" {
  inherits = ["_common"]
  context = "base"
}
target "app" {
  name = "app-\${v}"
  matrix = { v = ["one", "two"] }
  inherits = ["_common"]
  contexts = { base = "target:base" }
  dockerfile-inline = <<-EOT
    FROM base
    ARG WHO
    ARG TARGETARCH
    COPY <<EOF /name
    $\${WHO} \${v} $\${TARGETARCH}
    EOF
  EOT
  output = ["type=local,dest=out/\${v}"]
}
target "tool" {
  dockerfile = "tool.Dockerfile"
  output = [{ type = "local", dest = "out/tool" }]
}
`,
      'base/Dockerfile': 'FROM scratch\nCOPY seed /seed\n',
      'base/seed': 'seed\n',
      'tool.Dockerfile': 'FROM scratch\nCOPY base/seed /tool\n',
    })
    const { code, stdout, stderr } = await bake(['--metadata-file', 'made.json'], { env: { WHO: 'somebody' } })
    expect(stderr).toContain('app-two')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^app-one sha256:\w{64}\napp-two sha256:\w{64}\ntool sha256:\w{64}\n$/)
    for (const platform of [NATIVE, OTHER])
      for (const v of ['one', 'two']) {
        const place = platform.replaceAll('/', '_')
        expect(made('out', v, place, 'name')).toBe(`SOMEBODY ${v} ${platform.split('/')[1]}\n`)
        expect(made('out', v, place, 'seed')).toBe('seed\n')
      }
    expect(made('out', 'tool', 'tool')).toBe('seed\n')
    expect(Object.keys(JSON.parse(made('made.json')))).toEqual(['app-one', 'app-two', 'tool'])
  })

  test('from standard input, with a value set', async () => {
    writeFiles(project, { Dockerfile: 'FROM scratch\nARG A\nCOPY <<EOF /a\n$A\nEOF\n' })
    const input = 'target "default" {\n  args = { A = "file" }\n  output = ["out"]\n}\n'
    expect(await bake(['-f', '-', '--set', '*.args.A=line'], { input })).toMatchObject({ code: 0 })
    expect(made('out', 'a')).toBe('line\n')
  })

  test('over a compose file', async () => {
    writeFiles(project, {
      'compose.yaml': 'services:\n  web: {build: {context: ., args: {A: compose, B: compose}}}\n',
      'docker-bake.hcl': 'target "web" {\n  args = { B = "bake" }\n  output = ["out"]\n}\n',
      Dockerfile: 'FROM scratch\nARG A\nARG B\nCOPY <<EOF /a\n$A $B\nEOF\n',
    })
    expect(await bake([])).toMatchObject({ code: 0 })
    expect(made('out', 'a')).toBe('compose bake\n')
  })

  test('that fails in one target still builds the others', async () => {
    writeFiles(project, {
      'docker-bake.hcl': `
group "default" { targets = ["good", "bad"] }
target "good" { output = ["out"] }
target "bad" { dockerfile = "bad.Dockerfile" }
`,
      Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
      'bad.Dockerfile': 'FROM scratch\nCOPY gone /\n',
    })
    const { code, stderr, stdout } = await bake([])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^good sha256:\w{64}\n$/)
    expect(stderr).toMatch(/bad: .*gone/s)
    expect(made('out', 'Dockerfile')).toContain('FROM scratch')
  })
})

describe('what a file may not do without --allow', () => {
  test.each([
    ['write outside of the project', 'output = ["../elsewhere"]', 'fs.write=../elsewhere'],
    ['read outside of the project', 'context = "/etc"', 'fs.read=/etc'],
    ['take a secret of the environment', 'secret = ["id=s,env=HOME"]', 'secret=HOME'],
    ['use the ssh agent', 'ssh = ["default"]', 'ssh'],
    ['use the network of the machine', 'network = "host"', 'network.host'],
  ])('%s', async (_, attribute, right) => {
    writeFiles(project, {
      'docker-bake.hcl': `target "default" {\n  ${attribute}\n}\n`,
      Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
    })
    const { code, stderr } = await bake([], { env: { SSH_AUTH_SOCK: join(project, 'agent') } })
    expect(code).not.toBe(0)
    expect(stderr).toContain(`--allow ${right}`)
    expect(stderr).toContain('docker-bake.hcl:2')
  })
})

test('an expression without a value is an error at its place', async () => {
  writeFiles(project, { 'docker-bake.hcl': 'target "default" {\n  tags = ["a:${VERSON}"]\n}\nVERSION = "1"\n' })
  const { code, stderr } = await bake(['--print'])
  expect(code).toBe(2)
  expect(stderr).toContain('there is no variable "VERSON"')
  expect(stderr).toContain('docker-bake.hcl:2:16')
  expect(stderr).toContain('Did you mean "VERSION"')
})

test('lists', async () => {
  writeFiles(project, {
    'docker-bake.hcl':
      'variable "V" {\n  description = "a version"\n  default = "1"\n}\ntarget "a" { description = "\u001b[2Jfirst" }\n',
  })
  expect((await bake(['--list=targets'])).stdout).toBe('TARGET\tDESCRIPTION\na\tfirst\n')
  expect(JSON.parse((await bake(['--list=type=variables,format=json', '--var', 'V=2'])).stdout)).toEqual([
    { name: 'V', description: 'a version', value: '2' },
  ])
})
