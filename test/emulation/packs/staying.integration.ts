import { execFileSync } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBuilt } from '../../../src/emulation/packs/fused-emulator.ts'
import { withTexts } from '../../../src/emulation/packs/guest.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const PYTHON = '/usr/bin/python3'
const LIBRARY = findBuilt(`guest-${process.arch}.so`)

function hasPython(): boolean {
  try {
    execFileSync(PYTHON, ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Products and quotients of complex numbers are never worked out by a twin itself. */
const SCRIPT = `
import os
a = 1.1 + 2.2j
def plain(b): return complex(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)
def all_right(): return all(a * complex(i, .5) == plain(complex(i, .5)) for i in range(1, 100))
print(all_right(), all_right())
file = os.open('/dev/null', os.O_RDONLY)
print('next file', file)
child = os.fork()
print('child' if child == 0 else 'parent', all_right(), flush=True)
if child == 0: os._exit(0)
os.waitpid(child, 0)
# What had this number before is closed, and it is another file now
os.closerange(3, 1024)
for number in range(500, 505): os.dup2(os.open('/tmp', os.O_RDONLY), number)
print('closed', all_right())
try: os.wait()
except ChildProcessError: print('no child is left')
`

// On arm64 the plain product is another one
test.skipIf(process.arch !== 'x64' || !LIBRARY || !hasPython())(
  'a twin asks one Python of the image for all numbers, and a new one in a child or when its line was closed',
  async () => {
    const folder = tempFolder()
    const program = join(folder, 'python')
    // Without the library, which stands before numbers of the twin alone
    await writeFile(program, `#!/bin/sh\nunset LD_PRELOAD\necho start >>'${folder}/starts'\nexec ${PYTHON} "$@"\n`)
    await chmod(program, 0o755)
    const guest = join(folder, 'guest.so')
    await writeFile(guest, withTexts(await readFile(LIBRARY!), [program, '/usr/lib/none/', 'aarch64', 'own']))
    const said = execFileSync(PYTHON, ['-c', SCRIPT], {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: guest },
      timeout: 60_000,
    })
    expect(said.trim().split('\n').sort()).toEqual(
      ['True True', 'next file 3', 'child True', 'parent True', 'closed True', 'no child is left'].sort(),
    )
    expect((await readFile(join(folder, 'starts'), 'utf8')).split('\n').filter(Boolean)).toHaveLength(3)
  },
)
