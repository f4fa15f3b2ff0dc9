import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { run } from '../e2e/support/xbuild.ts'
import { fill, textOf, type Scope } from './expressions.ts'

interface WorkflowStep {
  readonly id?: string
  readonly if?: string
  readonly uses?: string
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
  readonly with?: Readonly<Record<string, unknown>>
}

interface WorkflowJob {
  readonly needs?: string | readonly string[]
  readonly if?: string
  readonly strategy?: { readonly matrix?: string }
  readonly outputs?: Readonly<Record<string, string>>
  readonly steps: readonly WorkflowStep[]
}

type Result = 'success' | 'failure' | 'skipped'

/** What came of a job; `log` is that of all its runs. */
export interface RanJob {
  readonly result: Result
  readonly outputs: Readonly<Record<string, string>>
  readonly log: string
  /** The matrix of each run. */
  readonly runs: readonly Scope[]
}

/** How a reusable workflow is called. */
export interface Call {
  readonly inputs: Readonly<Record<string, unknown>>
  readonly secrets?: Readonly<Record<string, string>>
  /** What actions/checkout finds. */
  readonly project: string
  /** Holds workspaces and artifacts. */
  readonly folder: string
  /** Variables of every step, for the run of a job with that name. */
  readonly env: (run: string) => Readonly<Record<string, string>>
}

/** Runs a reusable workflow with its jobs one after the other, each in a workspace of its own. */
export async function runWorkflow(path: string, call: Call): Promise<Readonly<Record<string, RanJob>>> {
  const { on, jobs } = parse(readFileSync(path, 'utf8')) as {
    on: { workflow_call: { inputs: Record<string, { default?: unknown; required?: boolean }> } }
    jobs: Record<string, WorkflowJob>
  }
  const known = on.workflow_call.inputs
  for (const name of Object.keys(call.inputs)) if (!known[name]) throw new Error(`There is no input ${name}`)
  const inputs = {
    ...Object.fromEntries(Object.entries(known).map(([name, one]) => [name, one.default])),
    ...call.inputs,
  }
  const ran: Record<string, RanJob> = {}
  for (const [name, job] of Object.entries(jobs)) ran[name] = await runJob(name, job, { ...call, inputs, ran, jobs })
  return ran
}

interface Within extends Call {
  readonly ran: Readonly<Record<string, RanJob>>
  readonly jobs: Readonly<Record<string, WorkflowJob>>
}

const needsOf = ({ needs = [] }: WorkflowJob): readonly string[] => [needs].flat()

async function runJob(name: string, job: WorkflowJob, within: Within): Promise<RanJob> {
  const { ran, jobs, inputs, secrets = {} } = within
  const above = (one: WorkflowJob): string[] => needsOf(one).flatMap((need) => [need, ...above(jobs[need]!)])
  const needs = Object.fromEntries(needsOf(job).map((need) => [need, ran[need]!]))
  const github = { actor: 'octo', token: 'token-of-the-run' }
  const scope: Scope = { inputs, secrets, github, needs }
  const status = {
    // All above it count, not those alone that it names
    success: () => above(job).every((need) => ran[need]!.result === 'success'),
    failure: () => above(job).some((need) => ran[need]!.result === 'failure'),
    cancelled: () => false,
    always: () => true,
  }
  const says = /\b(success|failure|cancelled|always)\(\)/.test(job.if ?? '')
  const wanted = job.if === undefined || Boolean(fill(job.if, scope, status))
  if (!wanted || (!says && !status.success())) return { result: 'skipped', outputs: {}, log: '', runs: [] }
  const { include } = (job.strategy?.matrix ? fill(job.strategy.matrix, scope) : { include: [{}] }) as {
    include: readonly Scope[]
  }
  if (include.length === 0) throw new Error(`The matrix of ${name} is empty`)
  const runs: Awaited<ReturnType<typeof runSteps>>[] = []
  for (const matrix of include)
    runs.push(await runSteps(`${name} ${textOf(matrix['leg'])}`.trim(), job, { ...scope, matrix }, within))
  return {
    result: runs.every(({ ok }) => ok) ? 'success' : 'failure',
    outputs: Object.assign({}, ...runs.map(({ outputs }) => outputs)),
    log: runs.map(({ log }) => log).join(''),
    runs: include,
  }
}

async function runSteps(name: string, job: WorkflowJob, given: Scope, { folder, project, env }: Within) {
  const own = join(folder, name)
  const [workspace, temp] = [join(own, 'work'), join(own, 'temp')]
  for (const one of [workspace, temp]) mkdirSync(one, { recursive: true })
  const steps: Record<string, { outputs: Record<string, string> }> = {}
  const scope = { ...given, steps, runner: { temp } }
  let log = ''
  let ok = true
  for (const [index, step] of job.steps.entries()) {
    const status = { cancelled: () => false, always: () => true, success: () => ok, failure: () => !ok }
    const says = /\b(success|failure|cancelled|always)\(\)/.test(step.if ?? '')
    if ((!ok && !says) || (step.if !== undefined && !fill(step.if, scope, status))) continue
    const text = (value: unknown) => textOf(fill(textOf(value), scope))
    const settings = Object.fromEntries(Object.entries(step.with ?? {}).map(([key, value]) => [key, text(value)]))
    if (step.uses !== undefined)
      useAction(step.uses, settings, { workspace, project, artifacts: join(folder, 'artifacts') })
    if (step.run === undefined) continue
    const output = join(own, `output-${index}`)
    writeFileSync(output, '')
    const variables = Object.entries(step.env ?? {}).map(([key, value]) => [key, text(value)] as const)
    const ended = await run('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run], {
      cwd: workspace,
      env: {
        ...env(name),
        ...Object.fromEntries(variables),
        GITHUB_OUTPUT: output,
        RUNNER_TEMP: temp,
        GITHUB_WORKSPACE: workspace,
      },
    })
    ok &&= ended.code === 0
    log += `${name}:\n${ended.stdout}${ended.stderr}`
    const lines = readFileSync(output, 'utf8').split('\n').filter(Boolean)
    const outputs = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
    if (step.id !== undefined) steps[step.id] = { outputs: Object.fromEntries(outputs) }
  }
  const outputs = Object.entries(job.outputs ?? {}).map(([key, value]) => [key, textOf(fill(value, scope))])
  return { ok, log, outputs: Object.fromEntries(outputs) as Record<string, string> }
}

/** The three actions that the workflow uses. */
function useAction(
  uses: string,
  { name, path, pattern }: Readonly<Record<string, string>>,
  {
    workspace,
    project,
    artifacts,
  }: { readonly workspace: string; readonly project: string; readonly artifacts: string },
): void {
  switch (uses.replace(/@.*$/, '')) {
    case 'actions/checkout':
      return cpSync(project, workspace, { recursive: true })
    case 'actions/upload-artifact':
      return cpSync(path!, join(artifacts, name!), { recursive: true, errorOnExist: true, force: false })
    case 'actions/download-artifact':
      for (const one of readdirSync(artifacts).filter((each) => each.startsWith(pattern!.replace('*', ''))))
        cpSync(join(artifacts, one), join(path!, one), { recursive: true })
      return
    default:
      throw new Error(`There is no action ${uses}`)
  }
}
