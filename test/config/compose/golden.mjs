// Writes golden.json: what docker compose says of the projects in cases.yaml. COMPOSE names the program.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const BEFORE = ['-f', '-p', '--profile', '--env-file', '--project-directory']
const here = import.meta.dirname
const compose = (process.env.COMPOSE ?? 'docker compose').split(' ')

/** What docker compose prints for a project. */
export function askCompose({ files, extra = {}, env = {}, pre = [], args = [] }, program = compose) {
  const work = mkdtempSync(join(tmpdir(), 'xbuild-compose-'))
  const project = join(work, 'project')
  try {
    for (const [name, text] of Object.entries({ ...files, ...extra })) {
      mkdirSync(dirname(join(project, name)), { recursive: true })
      writeFileSync(join(project, name), text)
    }
    const before = [...pre]
    const after = []
    for (let at = 0; at < args.length; at++)
      if (BEFORE.includes(args[at])) before.push(args[at], args[++at])
      else after.push(args[at])
    const [command, ...words] = program
    const text = execFileSync(command, [...words, ...before, 'build', '--print', ...after], {
      cwd: project,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: '/home/user', DOCKER_CONFIG: work, ...env },
    })
    const whole =
      text.trim() === ''
        ? { group: {}, target: {} }
        : JSON.parse(text.replaceAll(project, '/srv/project').replaceAll(work, '/srv'))
    // compose goes through them in no order
    for (const target of Object.values(whole.target)) for (const key of ['ssh', 'ulimits']) target[key]?.sort()
    const chosen = (whole.group.default?.targets ?? []).toSorted()
    return {
      group: chosen,
      target: Object.fromEntries(Object.entries(whole.target).sort(([a], [b]) => (a < b ? -1 : 1))),
    }
  } catch (error) {
    if (error.status === undefined) throw error
    return {
      broken: true,
      message: String(error.stderr).trim().split('\n').at(-1).replaceAll(project, '/srv/project'),
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (process.argv[1] === import.meta.filename) {
  const cases = parse(readFileSync(join(here, 'cases.yaml'), 'utf8'))
  const golden = Object.fromEntries(cases.map((one) => [one.name, askCompose(one)]))
  writeFileSync(join(here, 'golden.json'), `${JSON.stringify(golden, null, 1)}\n`)
}
