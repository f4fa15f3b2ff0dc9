import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../e2e/support/xbuild.ts'

/** A workflow command that a runner acts on. */
export interface RunnerCommand {
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
  readonly data: string
}

/** What a runner makes of one step. */
export interface RanStep {
  readonly code: number
  readonly commands: readonly RunnerCommand[]
  /** The log as people see it: commands are gone, secrets are stars. */
  readonly log: string
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly summary: string
}

/** A step that runs an entry of an action. */
export interface Step {
  readonly entry: string
  readonly inputs?: Readonly<Record<string, string>>
  readonly workspace: string
  /** Variables beside those of the runner. */
  readonly env?: Readonly<Record<string, string>>
  /** What the main step saved. */
  readonly state?: Readonly<Record<string, string>>
  readonly event?: object
  /** The program that runs the entry. */
  readonly node?: string
}

/**
 * Runs an entry as the runner of GitHub does: inputs and state as variables, results in files, workflow commands by
 * line. `folder` holds those files and RUNNER_TEMP.
 */
export async function runStep(folder: string, step: Step): Promise<RanStep> {
  const { entry, inputs = {}, workspace, env = {}, state = {}, event = {}, node = process.execPath } = step
  const path = (name: string) => join(folder, name)
  mkdirSync(path('temp'), { recursive: true })
  for (const name of ['output', 'state', 'summary', 'env', 'path']) writeFileSync(path(name), '')
  writeFileSync(path('event.json'), JSON.stringify(event))
  const variables = {
    GITHUB_ACTIONS: 'true',
    CI: 'true',
    RUNNER_ENVIRONMENT: 'self-hosted',
    RUNNER_TEMP: path('temp'),
    GITHUB_WORKSPACE: workspace,
    GITHUB_OUTPUT: path('output'),
    GITHUB_STATE: path('state'),
    GITHUB_STEP_SUMMARY: path('summary'),
    GITHUB_ENV: path('env'),
    GITHUB_PATH: path('path'),
    GITHUB_EVENT_PATH: path('event.json'),
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'octo/app',
    GITHUB_SHA: '0123abc',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_RUN_ID: '42',
    ...env,
    ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
  }
  const { code, stdout, stderr } = await run(node, [entry], { cwd: workspace, env: variables })
  const { commands, log } = readLog(`${stdout}\n${stderr}`)
  const file = (name: string) => readFileSync(path(name), 'utf8')
  return {
    code,
    commands,
    log,
    outputs: entries(file('output')),
    state: entries(file('state')),
    summary: file('summary'),
  }
}

/** Reads a log by the rules of the runner: commands at the start of a line, none while they are stopped. */
export function readLog(text: string): Pick<RanStep, 'commands' | 'log'> {
  const commands: RunnerCommand[] = []
  const shown: string[] = []
  const masks: string[] = []
  let token: string | undefined
  for (const line of text.split('\n')) {
    const [, name, properties = '', data = ''] = /^\s*::([\w-]+)(?: ([^:]*))?::(.*)$/.exec(line) ?? []
    if (token !== undefined) {
      if (line.trim() === `::${token}::`) token = undefined
      else shown.push(line)
    } else if (name === 'stop-commands') token = data
    else if (name === undefined) shown.push(line)
    else {
      const pairs = properties.split(',').filter(Boolean)
      const split = pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), decode(pair.slice(pair.indexOf('=') + 1))])
      commands.push({ name, properties: Object.fromEntries(split), data: decode(data) })
      if (name === 'add-mask') masks.push(...decode(data).split('\n'))
      else shown.push(`[${name}] ${decode(data)}`)
    }
  }
  const log = masks.reduce((rest, mask) => (mask === '' ? rest : rest.replaceAll(mask, '***')), shown.join('\n'))
  return { commands, log }
}

function decode(text: string): string {
  return text
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%')
}

/** `NAME<<DELIMITER`, lines, `DELIMITER`; throws for anything else, as the runner fails the step. */
function entries(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  const lines = text.split('\n')
  for (let at = 0; at < lines.length - 1; ) {
    const [, name, delimiter] = /^(.+?)<<(.+)$/.exec(lines[at]!) ?? []
    const end = name === undefined ? -1 : lines.indexOf(delimiter!, at + 1)
    if (end === -1) throw new Error(`Invalid format '${lines[at]}'`)
    found[name!] = lines.slice(at + 1, end).join('\n')
    at = end + 1
  }
  return found
}
