#!/usr/bin/env node
// The library: all targets of a bake file in one run, its events while it runs, and what came of it.
import { bake } from 'xbuild'

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())

const run = bake([], { cwd: import.meta.dirname, vars: { GREETING: 'good morning' }, signal: stop.signal })
for await (const event of run) if (event.type === 'job.start') console.error(`building ${event.job}`)

const { ok, images } = await run.result
for (const [name, { platforms = {}, error }] of Object.entries(images)) {
  if (error) console.error(`${name}: ${error.message}`)
  for (const [platform, { digest }] of Object.entries(platforms)) console.log(`${name} ${platform} ${digest}`)
}
process.exitCode = ok ? 0 : 1
