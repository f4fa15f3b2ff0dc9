import { spawn } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** Runs a command line to its end: how many seconds it took, or the last line it said when it failed. */
export function measure({ argv, env, cwd }) {
  return new Promise((resolve) => {
    const start = performance.now()
    const child = launch({ argv, env, cwd })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4000)))
    child.on('error', (error) => resolve({ failed: error.message }))
    child.on('close', (code) => {
      const seconds = (performance.now() - start) / 1000
      resolve(code === 0 ? { seconds } : { failed: `status ${code}: ${lastLine(said)}` })
    })
  })
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
 * Runs a command line and watches its processes: peak resident memory in MB of the program itself, and of the largest
 * Node process
 * it started.
 */
export function peakMemory(command) {
  return new Promise((resolve, reject) => {
    const child = launch(command)
    const peaks = new Map()
    child.stdout.resume()
    child.stderr.resume()
    const look = () => {
      for (const pid of tree(child.pid)) peaks.set(pid, Math.max(peaks.get(pid) ?? 0, highWater(pid)))
    }
    const timer = setInterval(look, 15)
    child.on('error', reject)
    child.on('close', () => {
      clearInterval(timer)
      const main = peaks.get(child.pid) ?? 0
      peaks.delete(child.pid)
      resolve({ main: Math.round(main), worker: Math.round(Math.max(0, ...peaks.values())) })
    })
  })
}

function launch({ argv: [file, ...args], env, cwd }) {
  return spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
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

function highWater(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

function lastLine(text) {
  return text.trimEnd().split('\n').at(-1) ?? ''
}
