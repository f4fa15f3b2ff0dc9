import { spawn } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** Says the CPU time of all that it ran and waited for to the millisecond, which other shells do not. */
const TIMED = '"$@" 3>&-; status=$?; times >&3; exit $status'

/**
 * The environment of what is measured. Node reads all certificates of this variable at each start, even for nothing (40
 * ms for a usual list): a matter of the machine, so that no program that is measured gets it.
 */
export function environment(env) {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env
  return { ...rest, ...env }
}

/**
 * Runs a command line to its end: how many seconds it took, and how many of CPU time it and the programs that it waited
 * for took; or the last line it said when it failed.
 */
export function measure({ argv, env, cwd }) {
  return new Promise((resolve) => {
    const start = performance.now()
    const child = spawn('bash', ['-c', TIMED, 'bash', ...argv], {
      cwd,
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    let said = ''
    let times = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4000)))
    child.stdio[3].setEncoding('utf8').on('data', (text) => (times += text))
    child.on('error', (error) => resolve({ failed: error.message }))
    child.on('close', (code) => {
      const seconds = (performance.now() - start) / 1000
      resolve(code === 0 ? { seconds, cpu: cpuOf(times) } : { failed: `status ${code}: ${lastLine(said)}` })
    })
  })
}

/** Two lines, of the shell and of its children, each like `0m1.234s 0m0.567s`. */
function cpuOf(times) {
  const all = [...(times.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.,]+)s/g)]
  return all.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds.replace(',', '.')), 0)
}

/** Runs a command line to its end: how many seconds it took until stderr had the text, if it ever did. */
export function secondsUntil(command, text) {
  return new Promise((resolve, reject) => {
    const start = performance.now()
    const child = launch(command)
    let seconds
    let said = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (data) => {
      said = (said + data).slice(-100_000)
      if (said.includes(text)) seconds ??= (performance.now() - start) / 1000
    })
    child.on('error', reject)
    child.on('close', () => resolve(seconds))
  })
}

/**
 * Runs a command line and watches its processes: peak resident memory in MB of the program itself, of the largest Node
 * process it started, and of all its Node processes at one time.
 */
export function peakMemory(command) {
  return new Promise((resolve, reject) => {
    const child = launch(command)
    const peaks = new Map()
    child.stdout.resume()
    child.stderr.resume()
    let together = 0
    const look = () => {
      const pids = tree(child.pid)
      for (const pid of pids) peaks.set(pid, Math.max(peaks.get(pid) ?? 0, memoryOf(pid, 'VmHWM')))
      together = Math.max(
        together,
        pids.reduce((sum, pid) => sum + memoryOf(pid, 'VmRSS'), 0),
      )
    }
    const timer = setInterval(look, 15)
    child.on('error', reject)
    child.on('close', () => {
      clearInterval(timer)
      const main = peaks.get(child.pid) ?? 0
      peaks.delete(child.pid)
      const worker = Math.round(Math.max(0, ...peaks.values()))
      resolve({ main: Math.round(main), worker, tree: Math.round(Math.max(main, together)) })
    })
  })
}

function launch({ argv: [file, ...args], env, cwd }) {
  return spawn(file, args, { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] })
}

// The process and those below it that run Node; what a RUN starts is not ours to count
function tree(pid) {
  const below = (parent) => {
    try {
      const threads = readdirSync(`/proc/${parent}/task`)
      const children = threads.flatMap((thread) =>
        readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
      )
      return [parent, ...children.flatMap(below)]
    } catch {
      return [] // it ended while we looked
    }
  }
  return below(pid).filter((one) => one === pid || isNode(one))
}

function isNode(pid) {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === process.execPath
  } catch {
    return false
  }
}

/** In MB. */
function memoryOf(pid, field) {
  try {
    const [, kilobytes = 0] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) / 1024
  } catch {
    return 0
  }
}

function lastLine(text) {
  return text.trimEnd().split('\n').at(-1) ?? ''
}
