import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ARCHITECTURES } from '../../src/emulation/architectures.ts'
import { emulatorName, findEmulators, hasNoInterpreter } from '../../src/emulation/emulators.ts'
import { probeProgram } from '../../src/emulation/probe-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-emulators-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const named = (name: string) => ARCHITECTURES.find((architecture) => architecture.name === name)!
const made = { ...named('loong64'), qemu: 'xbuild-made-a' } // a name that no machine has beside PATH
const other = { ...named('s390x'), qemu: 'xbuild-made-b' }
const still = probeProgram(named('amd64'))
const dynamic = Buffer.from(still)
dynamic.writeUInt32LE(3, 64) // PT_INTERP

function put(path: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  mkdirSync(join(folder, path))
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, path, name), content)
    chmodSync(join(folder, path, name), 0o755)
  }
  return join(folder, path)
}

describe('findEmulators', () => {
  test('prefers the -static name, reads whether it is static, and runs nothing', async () => {
    const path = put('both', { 'xbuild-made-a-static': still, 'xbuild-made-a': dynamic })
    expect(await findEmulators({ PATH: path }, [made])).toMatchObject([
      { architecture: 'loong64', path: join(path, 'xbuild-made-a-static'), static: true, size: still.length },
    ])
  })

  test('takes the plain name when that one is static, as in Debian 13', async () => {
    const path = put('plain', { 'xbuild-made-a-static': dynamic, 'xbuild-made-a': still })
    expect(await findEmulators({ PATH: path }, [made])).toMatchObject([
      { path: join(path, 'xbuild-made-a'), static: true },
    ])
  })

  test('tells a dynamic one, so that the reason can be said', async () => {
    const path = put('dynamic', { 'xbuild-made-a': dynamic })
    expect(await findEmulators({ PATH: path }, [made])).toMatchObject([{ static: false }])
  })

  test('takes no script for an emulator that works inside images', async () => {
    const path = put('script', { 'xbuild-made-a-static': '#!/bin/sh\n' })
    expect(await findEmulators({ PATH: path }, [made])).toMatchObject([{ static: false }])
  })

  test('keeps the order of what was asked', async () => {
    const path = put('order', { 'xbuild-made-b-static': still, 'xbuild-made-a-static': still })
    expect((await findEmulators({ PATH: path }, [made, other])).map(({ architecture }) => architecture)).toEqual([
      'loong64',
      's390x',
    ])
  })
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a short file', Buffer.from('\x7fELF')],
  ['text', Buffer.alloc(200, 'x')],
  ['a table beyond the file', Buffer.from(still).fill(0xff, 32, 40)],
  ['no program headers', Buffer.from(still).fill(0, 56, 58)],
  ['a loader', dynamic],
])('hasNoInterpreter refuses %s', (_, head) => {
  expect(hasNoInterpreter(head)).toBe(false)
})

test.each([
  ['qemu-x version 7.2.22 (Debian 1:7.2+dfsg-7)', 'qemu-x 7.2.22'],
  ['nothing of use', 'qemu-x'],
])('an emulator that says "%s" is %s', async (said, name) => {
  const path = join(put(`said-${said.length}`, { 'qemu-x': `#!/bin/sh\necho '${said}'\n` }), 'qemu-x')
  const emulator = { architecture: 'x', path, size: 0, mtime: 0, static: false }
  expect(await emulatorName(emulator, { signal: new AbortController().signal })).toBe(name)
})
