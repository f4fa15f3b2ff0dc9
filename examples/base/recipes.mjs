import { writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { runOk, Stop } from '../setup/process.mjs'

const AMD64 = { architecture: 'amd64', os: 'linux' }
const ARM64 = { architecture: 'arm64', os: 'linux' }
const ARMV7 = { architecture: 'arm', os: 'linux', variant: 'v7' }
const RISCV64 = { architecture: 'riscv64', os: 'linux' }
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Debian's name of a platform's architecture. */
export function debianArchitecture({ architecture }) {
  return architecture === 'arm' ? 'armhf' : architecture
}

/**
 * The base images of the examples. `packages` are Debian's, `only` names the one to pack when what it depends on is
 * not wanted;
 * `files` gives what is added and chosen on every platform, as `packLayer` takes it.
 * `busybox` is small and for four platforms; `gcc` and `node` are for the two that the examples build.
 */
export const RECIPES = {
  busybox: {
    platforms: [AMD64, ARM64, ARMV7, RISCV64],
    packages: ['busybox-static'],
    only: 'busybox-static',
    config: { Env: [PATH], Cmd: ['sh'] },
    files: busyboxFiles,
  },
  gcc: {
    platforms: [AMD64, ARM64],
    packages: ['base-files', 'coreutils', 'dash', 'gcc', 'libc6-dev', 'make', 'sed', 'grep'],
    config: { Env: [PATH], Cmd: ['sh'] },
    files: async () => ({ extra: [...skeleton(), link('usr/bin/cc', 'gcc')] }),
  },
  node: {
    platforms: [AMD64, ARM64],
    packages: ['base-files', 'coreutils', 'dash', 'nodejs'],
    config: { Env: [PATH], Cmd: ['node'] },
    files: async () => ({ extra: skeleton() }),
  },
}

async function busyboxFiles({ work, native }) {
  const own = join(work, 'busybox')
  await writeFile(own, await binaryOf(native), { mode: 0o755 })
  const applets = (await runOk(own, ['--list'])).split('\n').filter((name) => name && name !== 'busybox')
  return {
    extra: [
      ...skeleton(),
      folder('bin'),
      folder('usr'),
      link('usr/bin', '../bin'),
      ...applets.map((name) => link(`bin/${name}`, 'busybox')),
    ],
    keep: (path) => (/^(usr\/)?bin\/busybox$/.test(path) ? 'bin/busybox' : undefined),
  }
}

// The applets of a busybox are asked from itself, so from the one that runs on this machine; all are built alike
async function binaryOf(deb) {
  if (!deb)
    throw new Stop(
      `Cannot make the base image on ${arch()}: Debian has no busybox-static for it among the four platforms`,
    )
  const child = spawn('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "*bin/busybox"', 'sh', deb], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return Buffer.concat(await child.stdout.toArray())
}

function skeleton() {
  return [
    folder('etc'),
    file(
      'etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\nnode:x:1000:1000::/home/node:/bin/sh\n',
    ),
    file('etc/group', 'root:x:0:\nnogroup:x:65534:\nnode:x:1000:\n'),
    { ...folder('root'), mode: 0o700 },
    { ...folder('tmp'), mode: 0o1777 },
    folder('home'),
    { ...folder('home/node'), uid: 1000, gid: 1000 },
  ]
}

function folder(name) {
  return { name, type: 'directory' }
}

function file(name, content) {
  return { name, type: 'file', content }
}

function link(name, linkname) {
  return { name, type: 'symlink', linkname, mode: 0o777 }
}
