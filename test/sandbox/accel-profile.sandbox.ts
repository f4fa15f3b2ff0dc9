import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasPrivateBinfmt } from '../../src/emulation/namespace-errors.ts'
import { findHandler } from '../../src/emulation/packs/fused-emulator.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)
const missing = !findHandler() || !hasPrivateBinfmt(release())
if (missing) console.warn('Skipped: --accel=profile')

/** A program without a twin, started twice: once it is at work, once not. */
const DOCKERFILE = `FROM busybox
RUN mkdir /job && ln -s /bin/busybox /job/ash && \\
  /job/ash -c 'i=0; while [ $i -lt 1500 ]; do i=$((i+1)); done' && /job/ash -c :
`

test.skipIf(missing).each(['profile', 'auto'])(
  '--accel=%s tells where the CPU time of an emulated step went',
  async (mode) => {
    const file = join(folder, `${mode}.json`)
    const args = ['--accel', mode, '--no-cache', '--metadata-file', file]
    const { code, stderr } = await sandbox.build('emulated', { Dockerfile: DOCKERFILE }, args)
    expect(code, stderr).toBe(0)
    const [starts] = JSON.parse(readFileSync(file, 'utf8'))['xbuild.starts']
    const counted = starts.programs.find(({ program }: { program: string }) => program.endsWith('/ash'))
    expect(counted).toMatchObject({ native: 0, emulated: 2 })
    expect(starts.cpu.native).toBe(0)
    expect(starts.cpu.emulated).toBeGreaterThan(0)
    if (mode === 'auto') {
      expect(starts).not.toHaveProperty('profile')
      expect(stderr).not.toContain('CPU S')
      return
    }
    const [step] = starts.profile
    expect(step.step).toContain('RUN mkdir /job')
    const seconds = step.programs.map(({ emulated }: { emulated: number }) => emulated)
    expect(seconds.reduce((sum: number, one: number) => sum + one, 0)).toBeCloseTo(step.seconds, 5)
    // Whoever works most is met most, however short it is
    const [most] = step.programs.toSorted((a: { emulated: number }, b: { emulated: number }) => b.emulated - a.emulated)
    expect(most).toMatchObject({ name: 'ash', native: 0 })
    expect(stderr).toMatch(/0 % of the CPU time of emulated steps ran natively/)
    expect(stderr).toMatch(/PROGRAM +STARTS +EMULATED +CPU S +EMULATED\n +ash +0 +2 +0\.0 +\d+\.\d/)
  },
)
