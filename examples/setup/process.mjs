import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A failure that is the user's to solve: shown as one paragraph, without a stack. */
export class Stop extends Error {}

/**
 * Runs a program to its end. `show` lets it write to our stderr; otherwise what it printed comes back.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean, input?: string }} [options]
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
export function run(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const stdin = options.input === undefined ? (options.show ? 'inherit' : 'ignore') : 'pipe'
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: options.show ? [stdin, process.stderr, process.stderr] : [stdin, 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.stdin?.end(options.input)
    child.on('error', (error) => reject(new Stop(`Cannot run "${file}": ${error.message}`)))
    child.on('close', (code, signal) => resolve({ code: code ?? (signal ? 1 : 0), stdout, stderr }))
  })
}

/** `run`, but a status other than 0 stops with the program's last lines. */
export async function runOk(file, args, options = {}) {
  const result = await run(file, args, options)
  if (result.code !== 0) {
    const said = (result.stderr || result.stdout).trimEnd().split('\n').slice(-12).join('\n')
    throw new Stop(`Cannot run "${[file, ...args].join(' ')}": exit status ${result.code}${said ? `\n${said}` : ''}`)
  }
  return result.stdout
}

/** Full path of a program on PATH or in the sbin folders, which ordinary users often lack. */
export function findProgram(name) {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
  ]
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Runs a script's main function; a `Stop` is printed as it is, anything else with its stack. */
export async function main(body) {
  try {
    await body()
  } catch (error) {
    console.error(error instanceof Stop ? `error: ${error.message}` : error)
    process.exitCode = 1
  }
}
