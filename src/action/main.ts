import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BAKE_FLAGS } from '../config/bake/flags.ts'
import { FLAGS } from '../config/flags.ts'
import { toXbuildError } from '../errors.ts'
import { annotation, maskCommands } from './workflow.ts'
import { wantsBake } from './bake-plan.ts'
import { clone } from './clone.ts'
import { boolInput, textInput } from './inputs.ts'
import { prepareMachine } from './machine.ts'
import { planRun } from './plan-run.ts'
import { openRunner, readEventPayload, type Runner } from './runner.ts'
import { runBuild } from './run-build.ts'
import type { RunPlan } from './run-plan.ts'
import { buildEnv } from './as-root.ts'

const env = process.env
const runner = openRunner(env)
const temp = mkdtempSync(join(env['RUNNER_TEMP'] || tmpdir(), 'xbuild-action-'))
runner.saveState('temp', temp)
main()
  .catch((thrown: unknown) => {
    const { message, hint } = toXbuildError(thrown)
    runner.log.command(annotation('error', hint ? `${message}\n${hint}` : message, { title: 'xbuild' }))
    return 1
  })
  .then((code) => {
    runner.log.close()
    rmSync(temp, { recursive: true, force: true })
    process.exitCode = code
  })

async function main(): Promise<number> {
  const flags = knownFlags()
  const event = readEventPayload(env)
  const plan = planRun({ env, event, temp, exists: existsSync, flags })
  tell(plan, runner)
  for (const { path, content } of plan.files) writeFileSync(path, content, { mode: 0o600 })
  const rootless = boolInput(env, 'rootless')
  const machine = await prepareMachine({ env, emulates: emulates(plan), rootless, log: runner.log })
  if (machine.profile !== undefined) runner.saveState('profile', machine.profile)
  runner.saveState('installed', JSON.stringify(machine.installed))
  if (plan.clone) await clone(plan.clone, plan.cwd!, env)
  const childEnv = buildEnv(env)
  const store = storeFolder()
  if (store !== undefined) {
    childEnv['XBUILD_HOME'] = store
    runner.saveState('store', store)
  }
  return runBuild(plan, { runner, env: childEnv, root: machine.root, node: machine.node })
}

/** Flags of a build; with bake files, those that bake has, too. */
function knownFlags(): ReadonlySet<string> {
  const build = Object.values(FLAGS).map(({ name }) => name)
  const bake = new Set(Object.values(BAKE_FLAGS).map(({ name }) => name))
  return new Set(wantsBake(env) ? build.filter((name) => bake.has(name)) : build)
}

/** Builds of a job share a store, which ends with the job unless somebody names one or keeps it. */
function storeFolder(): string | undefined {
  if (env['XBUILD_HOME'] || textInput(env, 'keep-state') === 'true' || !env['RUNNER_TEMP']) return undefined
  return join(env['RUNNER_TEMP'], 'xbuild-store')
}

function tell({ masks, warnings }: RunPlan, { log }: Runner): void {
  for (const line of masks.flatMap(maskCommands)) log.command(line)
  for (const warning of warnings) log.command(annotation('warning', warning, { title: 'xbuild' }))
}

function emulates({ mode, argv }: RunPlan): boolean {
  const own = { x64: 'linux/amd64', arm64: 'linux/arm64' }[process.arch as string] ?? ''
  const platforms = argv[argv.indexOf('--platform') + 1] ?? ''
  return mode === 'bake' || (argv.includes('--platform') && platforms.split(',').some((one) => !one.startsWith(own)))
}
