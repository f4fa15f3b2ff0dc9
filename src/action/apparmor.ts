import { copyFileSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { userNamespaceProfile } from '../emulation/apparmor.ts'
import { XbuildError } from '../errors.ts'
import { exec } from '../host/exec.ts'
import { findProgram } from '../host/files.ts'
import type { Env } from './inputs.ts'

const FOLDER = 'xbuild-apparmor-'
const PROFILE = 'profile'

/** A program that may make user namespaces, and the folder that it and its profile are in. */
export interface OpenedProgram {
  readonly node: string
  readonly folder: string
}

/**
 * Loads a profile for a Node of this step alone: the runner's own runs other steps, too. Throws HOST when there is no
 * apparmor_parser, or it refuses.
 */
export async function loadProfile(env: Env): Promise<OpenedProgram> {
  if (!(await findProgram('apparmor_parser', `${env['PATH'] ?? ''}:/usr/sbin:/sbin`)))
    throw new XbuildError('HOST', 'Cannot build as an ordinary user here: there is no apparmor_parser', {
      hint: 'Leave out the input rootless: builds run as root then',
    })
  const folder = mkdtempSync(join(env['RUNNER_TEMP'] || tmpdir(), FOLDER))
  const node = join(folder, 'xbuild-node')
  try {
    linkSync(process.execPath, node)
  } catch {
    // On another file system, or a Node of another user
    copyFileSync(process.execPath, node)
  }
  const file = join(folder, PROFILE)
  writeFileSync(file, userNamespaceProfile(basename(folder), node))
  const { exitCode, stderr } = await parser(['--skip-cache', '--replace', file], env)
  if (exitCode === 0) return { node, folder }
  rmSync(folder, { recursive: true, force: true })
  throw new XbuildError('HOST', `Cannot load an AppArmor profile: ${stderr.trim() || `status ${exitCode}`}`, {
    hint: 'Leave out the input rootless: builds run as root then',
  })
}

/** Removes the profile of a folder that `loadProfile` made, and the folder. Gives back whether that worked. */
export async function unloadProfile(folder: string, env: Env): Promise<boolean> {
  if (!basename(folder).startsWith(FOLDER)) return true
  const { exitCode } = await parser(['--remove', join(folder, PROFILE)], env)
  rmSync(folder, { recursive: true, force: true })
  return exitCode === 0
}

function parser(args: readonly string[], env: Env) {
  return exec('sudo', ['--non-interactive', 'apparmor_parser', ...args], { env })
}
