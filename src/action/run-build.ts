import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import { exec } from '../host/exec.ts'
import { annotationsOf, callError, errorsOfText } from './annotate.ts'
import { createGroups } from './groups.ts'
import { keyOf } from './attests.ts'
import { outputsOf, provenanceSets } from './results.ts'
import { runXbuild } from './run-program.ts'
import type { RunPlan } from './run-plan.ts'
import { writeRecord } from './record.ts'
import type { Runner } from './runner.ts'
import { createSeen, readEvent, takeEvent, type Seen } from './seen.ts'
import { formatSummary, type PlanJson } from './summary.ts'
import { annotation } from './workflow.ts'

/** How a build is run and told of. */
export interface BuildEdges {
  readonly runner: Runner
  /** The variables of the program. */
  readonly env: Readonly<Record<string, string>>
  readonly root: boolean
  /** The Node that runs it. */
  readonly node: string
}

/** Runs what was planned and tells the runner of it; gives back the exit code. */
export async function runBuild(plan: RunPlan, edges: BuildEdges): Promise<number> {
  const { runner, env, root, node } = edges
  const workspace = env['GITHUB_WORKSPACE'] || process.cwd()
  const cwd = plan.cwd ?? workspace
  if (plan.call !== undefined) return runCall(plan, edges, { cwd, workspace })
  const seen = createSeen()
  const groups = createGroups(seen, runner.log)
  const text: string[] = []
  const argv = await withDefaults(plan, edges, cwd)
  const { code } = await runXbuild([...argv.slice(0, 1), '--progress', 'rawjson', ...argv.slice(1)], {
    cwd,
    env,
    root,
    node,
    onLine: (line) => {
      const event = readEvent(line)
      if (!event) text.push(line)
      if (event?.type === 'note' || !event) return runner.log.text(event?.message ?? line)
      takeEvent(seen, event)
      groups.take(event)
    },
  })
  groups.flush()
  if (root) await giveBack(plan, cwd, env)
  if (plan.history !== undefined) {
    const problem = await writeRecord(plan.history, plan, { cwd: workspace, env, root, node })
    if (problem) runner.log.command(annotation('warning', problem, { title: 'xbuild' }))
  }
  if (seen.errors.size === 0 && code !== 0)
    for (const error of errorsOfText(text.join('\n'))) seen.errors.set(error.message, error)
  await tell(plan, { ...edges, seen, code, text: text.join('\n'), folders: { cwd, workspace }, argv })
  return code === 0 ? 0 : 1
}

interface Ended extends BuildEdges {
  readonly seen: Seen
  readonly code: number
  readonly text: string
  readonly argv: readonly string[]
  readonly folders: { readonly cwd: string; readonly workspace: string }
}

async function tell(plan: RunPlan, ended: Ended): Promise<void> {
  const { runner, env, seen, code, folders } = ended
  const checks = isOn(env['DOCKER_BUILD_CHECKS_ANNOTATIONS'])
  const annotations = annotationsOf(seen, { folders, checks })
  if (code !== 0 && seen.errors.size === 0) annotations.push('::error title=xbuild::The build failed')
  for (const line of annotations) runner.log.command(line)
  const metadata = readJson(plan.metadataFile)
  const imageId = plan.iidFile === undefined ? undefined : readText(plan.iidFile)
  const planned = await planOf(plan, ended)
  const outputs = outputsOf({ metadata, imageId, seen, plan: planned })
  for (const [name, value] of Object.entries(outputs)) runner.setOutput(name, value)
  if (!wantsSummary(env)) return
  runner.addSummary(
    formatSummary(seen, {
      title: plan.tags[0] ?? titleOf(plan),
      failed: code !== 0,
      tags: plan.tags,
      pushed: isPushed(plan),
      ...compact({ digest: outputs['digest'], plan: planned }),
      ...(code === 0 ? {} : { text: ended.text }),
    }),
  )
}

/** The plan of what was built; nothing when it failed before there was one, and of bake files. */
async function planOf(plan: RunPlan, { env, root, node, argv, seen, folders }: Ended): Promise<PlanJson | undefined> {
  if (plan.mode !== 'build' || seen.targets.size === 0) return undefined
  const without = ['--metadata-file', '--iidfile']
  const rest = argv.slice(1).filter((word, index, all) => !without.includes(word) && !without.includes(all[index - 1]!))
  // Whether it may be pushed was asked before
  const args = ['plan', '--json', '--progress', 'quiet', ...rest.filter((word) => word !== '--push')]
  const { code, stdout } = await runXbuild(args, { cwd: folders.cwd, env, root, node, onLine: () => undefined })
  try {
    return code === 0 ? (JSON.parse(stdout) as PlanJson) : undefined
  } catch {
    return undefined
  }
}

/** A question about Dockerfiles: the answer is text, and its findings are errors of the step. */
async function runCall(
  plan: RunPlan,
  { runner, env, root, node }: BuildEdges,
  folders: { readonly cwd: string; readonly workspace: string },
): Promise<number> {
  const { code, stdout } = await runXbuild(plan.argv, {
    cwd: folders.cwd,
    env,
    root,
    node,
    onLine: (line) => runner.log.text(line),
  })
  if (stdout !== '') runner.log.text(stdout.trimEnd())
  const warnings = errorsOfText(stdout.replaceAll(/^warning: /gm, 'error: '))
  const found = warnings.map(({ message, at }) => ({ message, ...compact({ source: at }) }))
  const checks = isOn(env['DOCKER_BUILD_CHECKS_ANNOTATIONS'])
  for (const line of annotationsOf({ errors: new Map(), warnings: found }, { folders, checks }))
    runner.log.command(line)
  if (code !== 0) runner.log.command(callError(stdout))
  return code === 0 ? 0 : 1
}

/** Bake targets without a word of provenance get what a repository of this visibility has. */
async function withDefaults(plan: RunPlan, { env, root, node }: BuildEdges, cwd: string): Promise<readonly string[]> {
  if (plan.defaultProvenance === undefined) return plan.argv
  const { code, stdout } = await runXbuild([plan.argv[0]!, '--print', ...plan.argv.slice(1)], {
    cwd,
    env,
    root,
    node,
    onLine: () => undefined,
  })
  if (code !== 0) return plan.argv // the run itself says what is wrong
  const end = plan.argv.lastIndexOf('--')
  const sets = provenanceSets(stdout, plan.defaultProvenance).flatMap((value) => ['--set', value])
  return [...plan.argv.slice(0, end), ...sets, ...plan.argv.slice(end)]
}

/** What root wrote for the user becomes the user's. */
async function giveBack({ outputs, argv }: RunPlan, cwd: string, env: Readonly<Record<string, string>>): Promise<void> {
  const caches = argv.filter((_, index) => argv[index - 1] === '--cache-to')
  const workspace = env['GITHUB_WORKSPACE'] || cwd
  for (const text of [...outputs, ...caches]) {
    const dest = /^[^=,]+$/.test(text) ? text : keyOf(text, 'dest', 'outputs')
    const path = dest === undefined || dest === '-' ? undefined : resolve(cwd, dest)
    const isOurs =
      path?.startsWith(`${workspace}/`) || (env['RUNNER_TEMP'] && path?.startsWith(`${env['RUNNER_TEMP']}/`))
    if (path === undefined || !isOurs) continue
    const owner = `${process.getuid!()}:${process.getgid!()}`
    const change = ['find', path, '-xdev', '-user', '0', '-exec', 'chown', '-h', owner, '{}', '+']
    await exec('sudo', ['--non-interactive', ...change], { env })
  }
}

function isPushed({ argv, outputs }: RunPlan): boolean {
  return argv.includes('--push') || outputs.some((text) => /(^|,)(type=registry|push=true)(,|$)/.test(text))
}

/** The targets of a bake, or the context. */
function titleOf({ argv }: RunPlan): string {
  return argv.slice(argv.lastIndexOf('--') + 1).join(', ') || 'default'
}

/** `DOCKER_BUILD_NO_SUMMARY` is what Docker's action knew before `DOCKER_BUILD_SUMMARY`. */
function wantsSummary(env: Readonly<Record<string, string>>): boolean {
  return isOn(env['DOCKER_BUILD_SUMMARY']) && !/^(1|t|true)$/i.test(env['DOCKER_BUILD_NO_SUMMARY'] ?? '')
}

function isOn(text: string | undefined): boolean {
  return !/^(0|f|false)$/i.test(text ?? '')
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  const text = readText(path)
  return text === undefined ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>)
}
