import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { runOk } from '../support/xbuild.ts'
import type { ArmDisk } from './disk.ts'
import { initrd } from './initrd.ts'

/** An arm64 machine with a Docker Engine, reached by ssh. */
export interface ArmMachine {
  /** Like `ssh://root@127.0.0.1:41234`. */
  readonly endpoint: string
  /** PATH with an `ssh` that knows the machine and is let in. */
  readonly env: Readonly<Record<'PATH', string>>
  /** Runs a command on it. Rejects when it fails. */
  run(command: string): Promise<string>
  /** Runs a command on it with something on its standard input. Rejects when it fails. */
  give(command: string, input: Uint8Array): Promise<string>
  /** Gives an archive to its `docker load`. */
  load(archive: Uint8Array): Promise<void>
  /** Ends it as a power cut does, and removes all it wrote. */
  stop(): Promise<void>
}

/** Seconds that all of it may take to be up: every instruction is emulated. */
const START_LIMIT = 300

/** Starts the machine and waits for its engine. What it writes goes to a temporary file, never to the disk image. */
export async function startArmMachine(disk: ArmDisk): Promise<ArmMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-arm-'))
  const file = (name: string) => join(folder, name)
  for (const key of ['host_key', 'user_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)])
  const publicKey = (name: string) =>
    readFileSync(`${file(name)}.pub`, 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ')
  writeFileSync(
    file('initrd'),
    initrd(disk, { hostKey: readFileSync(file('host_key'), 'utf8'), authorizedKeys: `${publicKey('user_key')}\n` }),
  )
  const port = await freePort()
  writeFileSync(file('known_hosts'), `[127.0.0.1]:${port} ${publicKey('host_key')}\n`)
  const settings = [
    'Host *',
    ` IdentityFile ${file('user_key')}`,
    ' IdentitiesOnly yes',
    ` UserKnownHostsFile ${file('known_hosts')}`,
    ' StrictHostKeyChecking yes',
    '',
  ]
  writeFileSync(file('ssh_config'), settings.join('\n'))
  mkdirSync(file('bin'))
  const ssh = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim()
  writeFileSync(file('bin/ssh'), `#!/bin/sh\nexec ${ssh} -F ${file('ssh_config')} "$@"\n`, { mode: 0o755 })

  // It dies with this process, however that ends, and lets others work
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      'nice',
      '-n',
      '10',
      'qemu-system-aarch64',
      ...arguments_(disk, file('initrd'), port, file('console')),
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: folder },
    },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const closed = once(child, 'close')
  const login = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20', '-p', String(port), 'root@127.0.0.1']
  const machine: ArmMachine = {
    endpoint: `ssh://root@127.0.0.1:${port}`,
    env: { PATH: [file('bin'), process.env['PATH'] ?? ''].join(delimiter) },
    run: (command) => runOk(file('bin/ssh'), [...login, command]),
    give: (command, input) => runOk(file('bin/ssh'), [...login, command], { input }),
    async load(archive) {
      await machine.give('docker load', archive)
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await closed
      rmSync(folder, { recursive: true, force: true })
    },
  }
  const deadline = Date.now() + START_LIMIT * 1000
  for (;;) {
    const failure = await machine.run('docker version >/dev/null').then(
      () => undefined,
      (error: Error) => error,
    )
    if (!failure) return machine
    const isOver = child.exitCode !== null || child.signalCode !== null
    if (isOver || Date.now() > deadline) {
      const shown = readFileSync(file('console'), 'utf8').slice(-4000)
      await machine.stop()
      throw new Error(
        `The arm64 machine ${isOver ? 'ended' : `was not up in ${START_LIMIT} s`}: ${failure.message}\n${said}\n${shown}`,
      )
    }
    await sleep(1000)
  }
}

function arguments_({ image, kernel }: ArmDisk, initrdFile: string, port: number, log: string): string[] {
  return [
    '-machine',
    'virt',
    '-cpu',
    'max,pauth-impdef=on',
    '-smp',
    '2',
    '-m',
    '1024',
    '-accel',
    'tcg,thread=multi',
    '-kernel',
    kernel,
    '-initrd',
    initrdFile,
    '-append',
    'console=ttyAMA0 panic=-1',
    '-drive',
    `if=none,id=disk,file=${image},format=raw,snapshot=on`,
    '-device',
    'virtio-blk-device,drive=disk',
    // The guest reaches nothing, and is reached by ssh from this machine alone
    '-netdev',
    `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`,
    '-device',
    'virtio-net-device,netdev=net',
    '-nodefaults',
    '-display',
    'none',
    '-monitor',
    'none',
    '-serial',
    `file:${log}`,
    '-no-reboot',
  ]
}
