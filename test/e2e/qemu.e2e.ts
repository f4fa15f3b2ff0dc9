import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ARCHITECTURES, elfMagic, elfMask } from '../../src/emulation/architectures.ts'
import { findEmulators } from '../../src/emulation/emulators.ts'
import { hasPrivateBinfmt } from '../../src/emulation/namespace-errors.ts'
import { probeProgram } from '../../src/emulation/probe-program.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { onOwnMachine } from './support/own-machine.ts'
import { program, tempFolder } from './support/places.ts'

// Another CPU's programs, whichever this one is
const NAME = process.arch === 'arm64' ? 'amd64' : 'arm64'
const architecture = ARCHITECTURES.find(({ name }) => name === NAME)!
const [emulator] = await findEmulators(process.env, [architecture])
const BINFMT = '/proc/sys/fs/binfmt_misc'
const folder = tempFolder()
const user = ordinaryUser(folder)

const old = !hasPrivateBinfmt(release())
if (old) console.warn(`Skipped: handlers of a machine of its own: Linux ${release()} is older than 6.7`)

/** `xbuild qemu` in the script is "$@". */
const qemu = (script: string) => onOwnMachine(script, [process.execPath, program, 'qemu'])

/** The text of another one's handler. */
function foreign(flags: string): string {
  const hex = (bytes: Buffer) => [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
  return `:qemu-other:M::${hex(elfMagic(architecture))}:${hex(elfMask(architecture))}:${emulator!.path}:${flags}`
}

/** An arm64 program whose exit status is the first letter of its argv[0]. */
function firstLetter(): Buffer {
  const words = [0xf94007e0, 0x39400000, 0xd2800ba8, 0xd4000001] // ldr x0, [sp, 8]; ldrb w0, [x0]; mov x8, 93; svc 0
  const code = Buffer.alloc(4 * words.length)
  words.forEach((word, index) => code.writeUInt32LE(word, 4 * index))
  const bytes = Buffer.concat([probeProgram(architecture).subarray(0, 64 + 56), code])
  for (const size of [64 + 32, 64 + 40]) bytes.writeUInt32LE(bytes.length, size)
  return bytes
}

interface Status {
  readonly binfmt: string
  readonly architectures: readonly {
    architecture: string
    runs: string
    handlers: {
      name: string
      flags: string
      origin: { by: string; file?: string }
      interpreter: { exists: boolean; version?: string }
    }[]
  }[]
}

describe.skipIf(old)('handlers of the whole machine', () => {
  test('install registers with the right flags, now and for the next boot; twice is once; uninstall takes both away', async () => {
    const { code, stdout, stderr } = await qemu(`set -e
      "$@" install ${NAME} 2>&1; "$@" install ${NAME} 2>&1
      cat ${BINFMT}/xbuild-${NAME} /etc/binfmt.d/xbuild-${NAME}.conf
      "$@" status ${NAME} --json
      "$@" uninstall 2>&1; "$@" uninstall 2>&1
      ls ${BINFMT} /etc/binfmt.d`)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Mounted binfmt_misc$/m)
    expect(stdout).toMatch(
      new RegExp(`^${NAME}: registered xbuild-${NAME} \\(\\S+ [\\d.]+, flags POF\\); a test program ran`, 'm'),
    )
    expect(stdout).toMatch(new RegExp(`^${NAME}: xbuild-${NAME} is registered already`, 'm'))
    expect(stdout).toMatch(/^enabled\ninterpreter .*\nflags: POF$/m)
    expect(stdout).toMatch(new RegExp(`^:xbuild-${NAME}:M::.*:POF$`, 'm'))
    expect(stdout).toMatch(
      new RegExp(
        `^${NAME}: removed xbuild-${NAME} and /etc/binfmt.d/xbuild-${NAME}.conf; no handler is left for it$`,
        'm',
      ),
    )
    expect(stdout).toMatch(/^No handler of xbuild is registered\n/m)
    expect(stdout).toMatch(/misc:\nregister\nstatus\n$/) // and an empty folder before it
    const {
      architectures: [shown],
    } = JSON.parse(stdout.slice(stdout.indexOf('{\n'), stdout.indexOf('\n}\n') + 2)) as Status
    expect(shown).toMatchObject({
      architecture: NAME,
      runs: 'images',
      handlers: [
        {
          name: `xbuild-${NAME}`,
          flags: 'POF',
          origin: { by: 'xbuild', file: `/etc/binfmt.d/xbuild-${NAME}.conf` },
          interpreter: { exists: true },
        },
      ],
    })
  })

  test('a handler of others stays, behind ours when that is forced, and is told apart', async () => {
    const { stdout } = await qemu(`mount -t binfmt_misc none ${BINFMT}
      printf %s '${foreign('')}' >${BINFMT}/register
      "$@" install ${NAME} 2>&1; echo "code $?"
      "$@" status ${NAME}
      "$@" install ${NAME} --force --credentials 2>&1
      "$@" status ${NAME}
      "$@" uninstall ${NAME} 2>&1
      ls ${BINFMT}`)
    const [before, after] = stdout.split(`registered xbuild-${NAME}`)
    expect(before).toMatch(
      /qemu-other runs such programs already \(\S+, flags none\); it lacks the flag F: --force registers a handler of xbuild before it\ncode 0\n/,
    )
    expect(before).toMatch(new RegExp(`linux/${NAME} +not in images +qemu-other +- .* unknown +no\n`))
    expect(before).toMatch(/qemu-other lacks the flag F: it does not work in images/)
    expect(after).toMatch(/flags POCF\), before qemu-other; a test program ran/)
    expect(after).toMatch(new RegExp(`linux/${NAME} +in images too +xbuild-${NAME} +POCF `))
    expect(after).toMatch(/^C: a set-user-id program/m)
    expect(after).toMatch(/qemu-other was not registered by xbuild and stays\nqemu-other\nregister\nstatus\n$/)
  })

  test.skipIf(NAME !== 'arm64')('a program sees the name it was called by, as on its own CPU', async () => {
    const path = join(folder, 'argv0')
    writeFileSync(path, firstLetter(), { mode: 0o755 })
    const { stdout } = await qemu(`"$@" install ${NAME} 2>/dev/null
      bash -c 'exec -a Zed ${path}'; echo "$?"`)
    expect(stdout).toBe(`${'Z'.charCodeAt(0)}\n`)
  })

  test('what runs no program is not left registered', async () => {
    // A QEMU for another CPU starts and says its version: only a program that is run tells
    const [other] = await findEmulators(
      process.env,
      ARCHITECTURES.filter(({ name }) => name === 'riscv64'),
    )
    const { stdout } =
      await qemu(`mkdir /etc/binfmt.d/bin; cp ${other!.path} /etc/binfmt.d/bin/${architecture.qemu}-static
      PATH=/etc/binfmt.d/bin:$PATH; "$@" install ${NAME} 2>&1; echo "code $?"; ls ${BINFMT}; ls /etc/binfmt.d`)
    expect(stdout).toMatch(
      /Cannot use \S+ for \w+ programs: a test program did not run under it\n[^]*code 1\nregister\nstatus\nbin\n$/,
    )
  })

  test('switched off, or a CPU that runs the programs by itself', async () => {
    const own = process.arch === 'arm64' ? 'arm64' : 'amd64'
    const { stdout } = await qemu(`mount -t binfmt_misc none ${BINFMT}
      "$@" install ${own} 2>&1; echo "code $?"
      echo 0 >${BINFMT}/status; "$@" install ${NAME} 2>&1; echo "code $?"`)
    expect(stdout).toMatch(new RegExp(`^${own}: the CPU of this machine runs such programs\ncode 0$`, 'm'))
    expect(stdout).toMatch(
      /Cannot register handlers: all handlers of this machine are switched off\n +hint: .*\ncode 1\n$/,
    )
  })
})

test('an ordinary user may look, and is told that only root may change', async () => {
  const status = await user.xbuild(['qemu', 'status', '--json'])
  expect(status.code).toBe(0)
  const { architectures } = JSON.parse(status.stdout) as Status
  expect(architectures.map(({ architecture: name }) => name)).toEqual(ARCHITECTURES.map(({ name }) => name))
  expect(
    architectures.find(({ architecture: name }) => name === (process.arch === 'arm64' ? 'arm64' : 'amd64'))?.runs,
  ).toBe('cpu')
  for (const verb of ['install', 'uninstall']) {
    const { code, stderr } = await user.xbuild(['qemu', verb])
    expect(code).toBe(1)
    expect(stderr).toMatch(/root is required\n +hint: Run it with sudo/)
  }
})

test('nothing of this was left on the real machine', () => {
  expect(
    existsSync('/etc/binfmt.d') ? readdirSync('/etc/binfmt.d').filter((name) => name.startsWith('xbuild-')) : [],
  ).toEqual([])
  expect(readdirSync(BINFMT).filter((name) => name.startsWith('xbuild-'))).toEqual([])
})
