import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ARCHITECTURES, binfmtRegistration, type Architecture } from '../../src/emulation/architectures.ts'
import { findEmulators } from '../../src/emulation/emulators.ts'
import { hasPrivateBinfmt } from '../../src/emulation/namespace-errors.ts'
import { spawnInNamespace } from '../../src/emulation/namespace.ts'
import { findHandler } from '../../src/emulation/packs/fused-emulator.ts'
import { handlerProof, TWIN_STATUS } from '../../src/emulation/packs/proof.ts'
import { PROBE_STATUS } from '../../src/emulation/probe-program.ts'
import { fused } from '../support/fused.ts'
import { tempFolder } from './support/places.ts'

/**
 * Images are not made for these, but their programs are big-endian with 32 bits, as no other's are; the probe holds
 * no code for them.
 */
const STRANGE: readonly Architecture[] = [{ name: 'mips', qemu: 'qemu-mips', bits: 32, endian: 'big', machine: 0x08 }]

const own = process.arch === 'arm64' ? 'arm64' : 'amd64'
const handler = findHandler()
const missing = !handler
  ? 'dist has no handler'
  : hasPrivateBinfmt(release())
    ? undefined
    : `Linux ${release()} is older than 6.7`
if (missing) console.warn(`Skipped: the handler on every architecture: ${missing}`)

const architectures = [...ARCHITECTURES, ...STRANGE].filter(
  ({ name }) => !(process.arch === 'arm64' ? ['arm64', 'arm'] : ['amd64', '386']).includes(name),
)
const emulators = (await findEmulators(process.env, architectures)).filter((emulator) => emulator.static)

const folder = tempFolder()

/**
 * Starts every program that is given, one after the other, and says how each ended. /dev is a folder of its own,
 * where the handler looks.
 */
const SCRIPT =
  'mount -t tmpfs none /dev && mkdir /dev/.xbuild && cp -r "$1"/. /dev/.xbuild/ && : > /dev/.xbuild/starts && cd "$2" && shift 2 && for program; do "./$program" >/dev/null 2>/dev/null </proc/self/cmdline; echo "$program $?"; done; sed "s/^/told /" /dev/.xbuild/starts'

describe.skipIf(missing !== undefined)('the handler before QEMU', () => {
  test.each(emulators.map((emulator) => [emulator.architecture, emulator] as const))(
    '%s: starts the twin of a program with the build-id that the rules are called by, and of no other',
    async (name, emulator) => {
      const architecture = architectures.find((one) => one.name === name)!
      const proof = handlerProof(architecture, own)!
      const work = join(folder, name)
      const write = (path: string, content: Buffer, mode: number) => {
        mkdirSync(dirname(join(work, path)), { recursive: true })
        writeFileSync(join(work, path), content, { mode })
      }
      write('qemu', fused(readFileSync(emulator.path), readFileSync(handler!)), 0o755)
      for (const { path, content, mode } of proof.files) write(`xbuild/${path}`, content, mode)

      const wide = architecture.bits === 64
      const changed = (change: (program: Buffer) => void) => {
        const program = Buffer.from(proof.program)
        change(program)
        return program
      }
      const id = proof.program.indexOf('xbuild-handler-proof')
      const programs: Record<string, Buffer> = {
        [`as-it-is/${proof.name}`]: proof.program,
        // Of a name that no recipe has, or another build
        'as-it-is/other': proof.program,
        [`other-id/${proof.name}`]: changed((program) => program.writeUInt8(program[id + 19]! ^ 1, id + 19)),
        // The count of headers and their size, elsewhere in each class; a note that says it is longer than the file
        [`no-headers/${proof.name}`]: changed((program) => program.fill(0, wide ? 56 : 44, wide ? 58 : 46)),
        [`many-headers/${proof.name}`]: changed((program) => program.fill(0xff, wide ? 56 : 44, wide ? 58 : 46)),
        [`large-headers/${proof.name}`]: changed((program) => program.fill(0xff, wide ? 54 : 42, wide ? 56 : 44)),
        [`far-headers/${proof.name}`]: changed((program) => program.fill(0xff, wide ? 32 : 28, wide ? 40 : 32)),
        [`long-note/${proof.name}`]: changed((program) => program.fill(0xff, id - 12, id - 8)),
        // Says it is of the other class, or byte order: not ours to run
        [`class/${proof.name}`]: changed((program) => program.writeUInt8(wide ? 1 : 2, 4)),
        [`order/${proof.name}`]: changed((program) => program.writeUInt8(architecture.endian === 'little' ? 2 : 1, 5)),
      }
      for (const [path, content] of Object.entries(programs)) write(`programs/${path}`, content, 0o755)
      // One whose rules name its place, there, by a link, and elsewhere
      const placed = changed((program) => program.writeUInt8(program[id + 19]! ^ 2, id + 19))
      const rules = proof.files.find(({ path }) => path.startsWith('step/rules/'))!
      write(
        `xbuild/step/rules/${placed.subarray(id, id + 20).toString('hex')}`,
        Buffer.from(`at ${join(work, 'programs/at-home', proof.name)}\n${rules.content.toString()}`),
        0o644,
      )
      for (const folder of ['at-home', 'away']) write(`programs/${folder}/${proof.name}`, placed, 0o755)
      symlinkSync('at-home', join(work, 'programs/by-link'))
      const paths = [...Object.keys(programs), ...['at-home', 'by-link', 'away'].map((one) => `${one}/${proof.name}`)]
      const native = ['as-it-is', 'at-home', 'by-link'].map((one) => `${one}/${proof.name}`)

      const said = await inside(
        ['sh', '-c', SCRIPT, 'sh', join(work, 'xbuild'), join(work, 'programs'), ...paths],
        binfmtRegistration(architecture, join(work, 'qemu')),
      )
      const lines = said.trim().split('\n')
      const ends = Object.fromEntries(
        lines
          .filter((line) => !line.startsWith('told '))
          .map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]),
      )
      expect(Object.keys(ends)).toEqual(paths)
      for (const path of native) expect(ends[path], path).toBe(TWIN_STATUS)
      for (const [path, status] of Object.entries(ends))
        if (!native.includes(path)) expect(status, path).not.toBe(TWIN_STATUS)
      // Every start is told; the kernel itself refuses what is not of this class or byte order
      const told = lines.flatMap((line) => (line.startsWith('told ') ? [line.slice(5)] : []))
      expect(told.filter((line) => line.startsWith('n'))).toEqual(native.map((path) => `n ./${path}`))
      expect(told).toEqual(
        paths
          .filter((path) => !/^(class|order)\//.test(path))
          .map((path) => `${native.includes(path) ? 'n' : 'e'} ./${path}`),
      )
      // QEMU goes on as if nothing had been before it
      if (!STRANGE.includes(architecture))
        for (const path of ['as-it-is/other', `other-id/${proof.name}`, `long-note/${proof.name}`])
          expect(ends[path], path).toBe(PROBE_STATUS)
    },
  )
})

async function inside([file, ...args]: readonly string[], registration: string): Promise<string> {
  const kind = process.getuid?.() === 0 ? 'root-emulate' : 'rootless'
  const child: ChildProcess = await spawnInNamespace(kind, file!, args, {
    handlers: [registration],
    stdio: ['ignore', 'pipe', 'inherit'],
    env: process.env,
  })
  let said = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text))
  await new Promise((resolve) => child.once('close', resolve))
  return said
}
