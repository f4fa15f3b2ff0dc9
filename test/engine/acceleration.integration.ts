import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findEmulators } from '../../src/emulation/emulators.ts'
import { findHandler } from '../../src/emulation/packs/fused-emulator.ts'
import { createAcceleration } from '../../src/engine/acceleration.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const emulators = await findEmulators(process.env)
const emulator = emulators.find(({ architecture, static: isStatic }) => architecture === 'arm64' && isStatic)
const missing = !emulator || !findHandler() || process.arch !== 'x64'
if (missing) console.warn('Skipped: what programs of an emulated step may say')

const { signal } = new AbortController()

test.skipIf(missing).each([
  [false, 'has nothing to end in a step that is not speculated'],
  [true, 'ends the attempt of a step that is'],
])('with speculation %s a program that says its twin gives up %s', async (speculate) => {
  const { folder } = await openStore(join(tempFolder(), 'store'))
  mkdirSync(join(folder.root, 'packs'), { recursive: true })
  const mode = speculate ? 'speculate' : 'auto'
  const acceleration = createAcceleration({ mode, folder, signal, emit: () => undefined })
  const runners = { arm64: { via: 'private', emulator: emulator! } } as const
  await acceleration.prepare({ kind: 'root-emulate', handlers: [], runners })
  const files = { base: undefined, siblings: [], readFile: async () => undefined }
  const step = await acceleration.open({ os: 'linux', architecture: 'arm64' }, files, speculate)
  try {
    const socket = connect(join(step!.accel.step, 'ask'))
    socket.write('!it says so\n')
    await once(socket.resume(), 'close')
    expect(step!.ended.aborted).toBe(speculate)
  } finally {
    step!.close()
    await acceleration.close()
  }
})
