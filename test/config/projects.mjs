// Writes projects.golden.json, what the real programs say of projects.txt: node projects.mjs DOCKER-COMPOSE DOCKER-BUILDX
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** The projects of projects.txt, each with its files and command lines. */
export function readProjects() {
  const text = readFileSync(join(import.meta.dirname, 'projects.txt'), 'utf8')
  return text
    .split(/^### /m)
    .slice(1)
    .map((part) => {
      const [before, lines] = part.split(/^>>>\n/m)
      const [name, ...sections] = before.split(/^--- (?=\S)/m)
      const files = sections.map((section) => [
        section.slice(0, section.indexOf('\n')),
        section.slice(section.indexOf('\n') + 1),
      ])
      return { name: name.trim(), files: Object.fromEntries(files), lines: lines.trim().split('\n').map(readLine) }
    })
}

/** `A=1 @folder compose -p x build web <in.yaml`: variables, the folder, the program, its words, a file as standard input. */
function readLine(line) {
  const words = line.match(/(?:'[^']*'|\S)+/g).map((word) => word.replace(/^'(.*)'$/, '$1'))
  const env = {}
  while (/^\w+=/.test(words[0])) {
    const [, name, value] = /^(\w+)=(.*)$/s.exec(words.shift())
    env[name] = value
  }
  const folder = words[0].startsWith('@') ? words.shift().slice(1) : ''
  const input = words.at(-1).startsWith('<') ? words.pop().slice(1) : undefined
  const [program, ...rest] = words
  return { line, env, folder, program, words: rest, ...(input && { input }) }
}

/** Calls `work` with a folder that holds the files; what it returns as JSON, with /srv/project for that folder. */
export async function inFolder(files, work) {
  const top = mkdtempSync(join(tmpdir(), 'xbuild-projects-'))
  const project = join(top, 'project')
  try {
    mkdirSync(project)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(project, name)), { recursive: true })
      writeFileSync(join(project, name), text)
    }
    return JSON.parse(
      JSON.stringify(await work(project))
        .replaceAll(project, '/srv/project')
        .replaceAll(top, '/srv'),
    )
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
}

/** What is compared of the answer of a program: JSON with "group" and "target", or a refusal. */
async function ask(executable, args, { cwd, env, input = '' }) {
  const child = spawn(executable, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  child.stdin.on('error', () => {}).end(input)
  const [code] = await once(child, 'close')
  if (code !== 0) return { refused: stderr.trim().split('\n').at(-1) }
  return stdout.trim() === '' ? { group: {}, target: {} } : JSON.parse(stdout)
}

async function main([compose, buildx]) {
  const socket = join(mkdtempSync(join(tmpdir(), 'xbuild-agent-')), 'agent')
  const server = createServer().listen(socket) // buildx looks whether the agent of "ssh" is there
  await once(server, 'listening')
  const base = { PATH: process.env.PATH, HOME: '/home/user', DOCKER_CONFIG: dirname(socket), SSH_AUTH_SOCK: socket }
  const found = []
  for (const { name, files, lines } of readProjects())
    for (const { line, env, folder, program, words, input } of lines) {
      const said = await inFolder(files, async (project) => {
        const options = { cwd: join(project, folder), env: { ...base, ...env }, input: files[input] }
        if (program === 'bake') return ask(buildx, ['bake', '--print', ...words], options)
        const at = words.indexOf('build') + 1
        return ask(compose, [...words.slice(0, at), '--print', ...words.slice(at)], options)
      })
      if (said.refused) console.log(`${name}: ${line}\n  ${said.refused}`)
      found.push(`  ${JSON.stringify(`${name} | ${line}`)}: ${JSON.stringify(said.refused ? { refused: true } : said)}`)
    }
  writeFileSync(join(import.meta.dirname, 'projects.golden.json'), `{\n${found.join(',\n')}\n}\n`)
  server.close()
  rmSync(dirname(socket), { recursive: true, force: true })
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2))
