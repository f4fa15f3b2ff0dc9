// Makes the golden results with a real docker-buildx: node make-golden.mjs PROGRAM
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const program = process.argv[2]
const here = import.meta.dirname

// buildx looks whether the agent of "ssh" is there
const socketFolder = mkdtempSync(join(tmpdir(), 'bake-agent-'))
const agent = join(socketFolder, 'agent')
const server = createServer().listen(agent)
await once(server, 'listening')

function run(args, files, env) {
  const cwd = mkdtempSync(join(tmpdir(), 'bake-golden-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true })
    writeFileSync(join(cwd, name), text)
  }
  const home = join(cwd, '.home')
  const done = spawnSync(program, ['bake', ...args], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: home, SSH_AUTH_SOCK: agent, ...env },
  })
  rmSync(cwd, { recursive: true, force: true })
  if (done.status === 0) return { value: JSON.parse(done.stdout) }
  return { error: done.stderr }
}

function cases(list) {
  const text = readFileSync(join(here, list), 'utf8')
  const found = {}
  for (const part of text.split(/^### /m).slice(1)) {
    const [head, ...sections] = part.split(/^--- /m)
    const [name, ...settings] = head.trimEnd().split('\n')
    const words = (key) =>
      settings
        .find((line) => line.startsWith(`${key}: `))
        ?.slice(key.length + 2)
        .split(' ') ?? []
    const files = Object.fromEntries(
      sections.map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n') + 1)]),
    )
    const env = Object.fromEntries(
      words('env').map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
    )
    const { value, error } = run([...words('args'), '--print'], files, env)
    if (error) console.log(`${name}: ${error.split('\n').filter(Boolean).at(-1)}`)
    found[name] = value ? { print: value } : { error: true }
  }
  return found
}

/** Defaults of variables of one file; of an expression that no file may have, what `failed` makes of the error. */
function valuesOf(expressions, valueOf, failed) {
  if (expressions.length === 0) return []
  const text = expressions.map((each, at) => `variable "v${String(at).padStart(5, '0')}" {\n  default = ${each}\n}\n`)
  const { value, error } = run(['--list=type=variables,format=json'], { 'docker-bake.hcl': text.join('') }, {})
  if (value) return expressions.map((_, at) => valueOf(value[at].value))
  if (expressions.length === 1) return [failed(error)]
  const half = expressions.length >> 1
  return [expressions.slice(0, half), expressions.slice(half)].flatMap((some) => valuesOf(some, valueOf, failed))
}

function functions() {
  const lines = readFileSync(join(here, 'functions.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const found = valuesOf(
    lines,
    (value) => ({ value: value ?? null }),
    (error) => (/no function named/.test(error) ? { missing: true } : { error: true }),
  )
  return Object.fromEntries(lines.map((line, at) => [line, found[at]]))
}

/** Expressions of odd-expressions.golden.json, anew: their values as JSON, and "!ERR" for those that have none. */
function oddExpressions() {
  const all = Object.keys(JSON.parse(readFileSync(join(here, 'odd-expressions.golden.json'), 'utf8')))
  const found = valuesOf(
    all.map((each) => `try(jsonencode(${each}), "!ERR")`),
    (value) => value,
    () => '!ERR',
  )
  return Object.fromEntries(all.map((each, at) => [each, found[at]]))
}

function save(name, record) {
  const lines = Object.entries(record).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  writeFileSync(join(here, name), `{\n${lines.join(',\n')}\n}\n`)
}

if (process.argv[3] !== 'compose') save('cases.golden.json', cases('cases.txt'))
save('compose-cases.golden.json', cases('compose-cases.txt'))
if (process.argv[3] === undefined) {
  save('functions.golden.json', functions())
  save('odd-expressions.golden.json', oddExpressions())
}
server.close()
rmSync(socketFolder, { recursive: true, force: true })
