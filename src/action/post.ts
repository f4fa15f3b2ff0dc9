import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import { exec } from '../host/exec.ts'
import { unloadProfile } from './apparmor.ts'
import { removePackages } from './machine.ts'
import { openRunner } from './runner.ts'
import { annotation } from './workflow.ts'

const env = process.env
const { log } = openRunner(env)

// Nothing that is left behind fails a job that has done its work
post()
  .catch((error: unknown) =>
    log.command(annotation('warning', `Cannot clean up: ${String(error)}`, { title: 'xbuild' })),
  )
  .finally(() => log.close())

/** Takes back what the main step changed on a machine that is used again. */
async function post(): Promise<void> {
  const { STATE_temp: temp = '', STATE_store: store = '', STATE_installed: installed = '[]' } = env
  const { STATE_profile: profile = '' } = env
  if (basename(temp).startsWith('xbuild-action-')) rmSync(temp, { recursive: true, force: true })
  // The machines of GitHub are thrown away after the job
  if (env['RUNNER_ENVIRONMENT'] === 'github-hosted') return
  if (basename(store) === 'xbuild-store') await removeStore(store)
  if (profile !== '' && !(await unloadProfile(profile, env)))
    log.command(annotation('warning', 'apparmor_parser could not remove the profile of xbuild', { title: 'xbuild' }))
  const names = (JSON.parse(installed) as unknown[]).filter((name) => /^[a-z0-9][a-z0-9+.-]+$/.test(String(name)))
  if (names.length > 0 && env['INPUT_CLEANUP'] !== 'false') {
    const done = await removePackages(names.map(String), env)
    log.text(done ? `Removed again: ${names.join(', ')}` : `apt-get could not remove ${names.join(', ')}`)
  }
}

/** Layers hold files of other users, and folders that nobody may enter. */
async function removeStore(store: string): Promise<void> {
  const root = process.geteuid?.() === 0 ? [] : ['sudo', '--non-interactive']
  try {
    rmSync(store, { recursive: true, force: true })
  } catch {
    const [file, ...args] = [...root, 'rm', '-rf', '--one-file-system', '--', store]
    const { exitCode, stderr } = await exec(file!, args, { env })
    if (exitCode !== 0) log.command(annotation('warning', `Cannot remove ${store}: ${stderr}`, { title: 'xbuild' }))
  }
}
