import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findProgram, runOk, Stop } from '../../examples/setup/process.mjs'

/**
 * Serves a layout's image on this machine, the same for all peers; `base` is its reference. Always one port, so that
 * caches stay good.
 */
export async function startRegistry(work, layout) {
  const folder = join(work, 'registry')
  mkdirSync(folder, { recursive: true })
  const port = await firstFreePort(37_100)
  const config = join(work, 'registry.json')
  const log = { level: 'error', accesslog: { disabled: true } }
  writeFileSync(
    config,
    JSON.stringify({
      version: 0.1,
      log,
      storage: { filesystem: { rootdirectory: folder } },
      http: { addr: `127.0.0.1:${port}` },
    }),
  )
  const child = spawn(findProgram('docker-registry'), ['serve', config], { stdio: 'ignore' })
  const kill = () => child.kill()
  process.once('exit', kill) // also when the benchmark is interrupted
  const stop = async () => {
    process.off('exit', kill)
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  }
  try {
    await answers(port)
    const base = `127.0.0.1:${port}/busybox:1`
    await runOk('skopeo', [
      'copy',
      '--quiet',
      '--all',
      '--dest-tls-verify=false',
      `oci:${layout}:latest`,
      `docker://${base}`,
    ])
    return { base, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function firstFreePort(from) {
  for (let port = from; port < from + 20; port++) {
    const server = createServer().listen(port, '127.0.0.1')
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (free) return port
  }
  throw new Stop(`No port is free between ${from} and ${from + 20}`)
}

async function answers(port) {
  for (let i = 0; i < 100; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Stop('docker-registry does not answer')
}
