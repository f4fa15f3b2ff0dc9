#!/usr/bin/env node
// Runs one platform's image of an OCI layout folder, on any machine that has QEMU's static binaries, as root or as an
// ordinary user:
//   node examples/run-image.mjs LAYOUT [PLATFORM] [-- COMMAND...]
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { arch } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findProgram, main, run, Stop } from './setup/process.mjs'

const CPU_OF = { amd64: 'x86_64', arm64: 'aarch64', arm: 'arm', riscv64: 'riscv64' }
/** What CPUs run besides their own programs. */
const ALSO = { amd64: '386', arm64: 'arm' }
const OWN = { x64: 'amd64', arm64: 'arm64', arm: 'arm', riscv64: 'riscv64' }[arch()]

/**
 * Unpacks an image into memory and runs its command in namespaces of its own, where QEMU is registered for its CPU;
 * the machine's own
 * handlers are not touched, and the kernel removes everything when the program ends. `command` replaces the image's
 * Cmd.
 * @returns {Promise<number>} the exit status of the program; what it prints goes to `stdio`
 */
export async function runImage(
  layout,
  { platform = `linux/${OWN}`, command, stdio = ['ignore', 'inherit', 'inherit'] } = {},
) {
  const image = findImage(layout, platform)
  const config = image.config.config ?? {}
  const argv = [...(config.Entrypoint ?? []), ...(command ?? config.Cmd ?? [])]
  if (argv.length === 0) throw new Stop(`The image for ${platform} has no command. Give one after --`)
  const env = {
    PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`,
    LAYERS: image.layers.join('\n'),
    RUN_USER: config.User || '0',
    RUN_DIR: config.WorkingDir || '/',
    RUN_ENV: (config.Env ?? []).join('\n'),
    ...emulator(image.architecture),
  }
  const script = fileURLToPath(new URL('run-image.sh', import.meta.url))
  return inUserNamespace(['bash', script, ...argv], { env, stdio })
}

function findImage(layout, platform) {
  const [os, architecture, variant] = platform.split('/')
  const matches = ({ platform: have }) =>
    have?.os === os &&
    have.architecture === architecture &&
    (variant === undefined || have.variant === undefined || have.variant === variant)
  const path = (descriptor) => resolve(layout, 'blobs', ...descriptor.digest.split(':'))
  const json = (descriptor) => JSON.parse(readFileSync(path(descriptor), 'utf8'))
  const search = (index) => {
    for (const descriptor of index.manifests ?? []) {
      if (matches(descriptor)) return descriptor
      const inner = /index|list/.test(descriptor.mediaType) ? search(json(descriptor)) : undefined
      if (inner) return inner
    }
    return undefined
  }
  const found = search(JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')))
  if (!found) throw new Stop(`There is no image for ${platform} in ${layout}`)
  const manifest = json(found)
  return { architecture, config: json(manifest.config), layers: manifest.layers.map(path) }
}

/**
 * The handler's line for binfmt_misc: ELF header of the CPU, masked where files differ, and QEMU opened when it is
 * registered (F).
 */
function emulator(architecture) {
  if (architecture === OWN || architecture === ALSO[OWN]) return {}
  const cpu = CPU_OF[architecture]
  const qemu = [`qemu-${cpu}-static`, `qemu-${cpu}`].map(findProgram).find(Boolean)
  if (!cpu || !qemu)
    throw new Stop(
      `There is no QEMU for ${architecture} here. Install Debian's package qemu-user-static (since Debian 13: qemu-user)`,
    )
  const machine = { x86_64: 62, aarch64: 183, arm: 40, riscv64: 243 }[cpu]
  const elfClass = cpu === 'arm' ? 1 : 2
  const magic = [0x7f, 0x45, 0x4c, 0x46, elfClass, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, machine, 0]
  const mask = [255, 255, 255, 255, 255, 255, 255, 0, 255, 255, 255, 255, 255, 255, 255, 255, 254, 255, 255, 255]
  const text = (bytes) => bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
  return { HANDLER: `:run-image-${cpu}:M::${text(magic)}:${text(mask)}:${qemu}:PF`, HANDLER_NAME: cpu }
}

/** An ordinary user gets the ids of /etc/subuid, root the identity map, which the parent must write. */
async function inUserNamespace(argv, { env, stdio }) {
  const common = ['--user', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
  const root = process.getuid() === 0
  const wide = root || (await run('unshare', ['--user', '--map-auto', '--map-root-user', 'true'])).code === 0
  const map = root ? [] : wide ? ['--map-auto', '--map-root-user'] : ['--map-root-user']
  const waiting = root ? ['sh', '-c', 'read -r go && exec "$@"', 'sh', ...argv] : argv
  const child = spawn('unshare', [...common, ...map, '--', ...waiting], {
    env,
    stdio: [root ? 'pipe' : stdio[0], stdio[1], stdio[2]],
  })
  const ended = new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Stop(`Cannot run unshare: ${error.message}`)))
    child.on('close', (code) => resolve(code ?? 1))
  })
  if (root && child.pid) {
    await ownNamespace(child.pid)
    for (const file of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${file}`, '0 0 4294967295')
    child.stdin.end('go\n')
  }
  return ended
}

async function ownNamespace(pid) {
  const id = (of) => readFileSync(`/proc/${of}/uid_map`, 'utf8')
  while (id(pid) !== '') await new Promise((resolve) => setTimeout(resolve, 5))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(async () => {
    const dash = process.argv.indexOf('--')
    const [layout, platform] = process.argv.slice(2, dash < 0 ? undefined : dash)
    if (!layout) throw new Stop('Usage: node examples/run-image.mjs LAYOUT [PLATFORM] [-- COMMAND...]')
    process.exitCode = await runImage(layout, {
      platform,
      command: dash < 0 ? undefined : process.argv.slice(dash + 1),
    })
  })
}
