import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { closeConsole } from '../../src/engine/worker/close-console.ts'

/** A state of more bytes than a pipe holds: so who writes it sees whether all of it is read. */
const STATE = `{"annotations":{"long":"${'x'.repeat(1 << 17)}"}}`

test('the hook that closes the console reads the whole state, which crun writes into it', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'xbuild-console-'))
  try {
    const cgroup = { parent: '/', controllers: ['devices'] }
    const [hook] = closeConsole(cgroup, { runtime: 'crun', name: 'xbuild-none', scratch })?.createRuntime ?? []
    if (!hook) throw new Error('This machine has no control groups for devices')
    const [argv0, ...args] = hook.args
    const child = spawn(hook.path, args, { argv0: argv0!, stdio: ['pipe', 'ignore', 'ignore'] })
    const refused = new Promise<Error>((resolve) => child.stdin.once('error', resolve))
    const written = new Promise<string>((resolve) => child.stdin.end(STATE, () => resolve('all of it')))
    await once(child, 'exit')
    expect(await Promise.race([refused, written])).toBe('all of it')
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
})
