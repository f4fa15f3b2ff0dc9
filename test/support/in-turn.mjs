import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cache } from '../../examples/setup/places.mjs'

/**
 * Waits until no other process of this machine's user holds the turn `name`, and takes it; resolves to what ends it.
 * The kernel ends the turn of a process that dies.
 */
export async function takeTurn(name) {
  const folder = join(cache, 'turns')
  mkdirSync(folder, { recursive: true })
  const holder = spawn('flock', ['--no-fork', join(folder, name), 'sh', '-c', 'echo taken && exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(holder, 'close')
  await Promise.race([
    once(holder.stdout, 'data'),
    ended.then(([code]) => Promise.reject(new Error(`Cannot wait for the turn "${name}": flock ended with ${code}`))),
  ])
  return async () => {
    holder.stdin.end()
    await ended
  }
}

/** Runs `make` while no other process runs what has the same name: two test files need the same base image. */
export async function inTurn(name, make) {
  const end = await takeTurn(name)
  try {
    return await make()
  } finally {
    await end()
  }
}
