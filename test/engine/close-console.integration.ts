import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { closeConsole, consoleWarning } from '../../src/engine/worker/close-console.ts'

/** A state of more bytes than a pipe holds: so who writes it sees whether all of it is read. */
const STATE = `{"annotations":{"long":"${'x'.repeat(1 << 17)}"}}`

test('the hook that closes the console reads the whole state, which crun writes into it', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'xbuild-console-'))
  try {
    const cgroup = { parent: '/', controllers: ['devices'] }
    const [hook] = closeConsole(cgroup, { isRunc: false, name: 'xbuild-none', scratch })?.createRuntime ?? []
    if (!hook) throw new Error('This machine has no control groups for devices')
    const [argv0, ...args] = hook.args
    const child = spawn(hook.path, args, { argv0: argv0!, stdio: ['pipe', 'ignore', 'ignore'] })
    const ended = once(child, 'exit')
    child.stdin.end(STATE)
    await expect(finished(child.stdin, { readable: false })).resolves.toBeUndefined()
    await ended
    // There is no such group: with version 1 the step has failed, with version 2 it runs, and the build says so
    const isTold = existsSync('/sys/fs/cgroup/cgroup.controllers')
    const said = consoleWarning({ runtime: '/usr/bin/crun', scratch })
    expect(said).toEqual(isTold ? [expect.stringContaining('/usr/bin/crun lets steps open the console')] : [])
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
})
