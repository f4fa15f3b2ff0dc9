import { readFileSync } from 'node:fs'
import { arch } from 'node:os'
import { findProgram, run, Stop } from './process.mjs'

const QEMU_OF = { x64: ['aarch64', 'arm', 'riscv64'], arm64: ['x86_64', 'riscv64'] }

/** What a build needs on this machine: each time any of `programs`, the Debian package that brings it, and why. */
export function neededToBuild(release = osRelease()) {
  const foreign = QEMU_OF[arch()] ?? ['x86_64', 'aarch64', 'arm', 'riscv64']
  const emulators = foreign.map((cpu) => ({
    programs: [`qemu-${cpu}-static`, `qemu-${cpu}`],
    package: qemuPackage(release),
    why: 'runs programs of other CPUs',
  }))
  return [
    { programs: ['runc', 'crun'], package: 'runc', why: 'runs the steps of a build in a sandbox' },
    ...emulators,
    { programs: ['tar'], package: 'tar', why: 'unpacks layers' },
    { programs: ['getfattr'], package: 'attr', why: 'reads and writes file attributes' },
    { programs: ['setfattr'], package: 'attr', why: 'reads and writes file attributes' },
    { programs: ['unshare'], package: 'util-linux', why: 'makes namespaces' },
    { programs: ['mount'], package: 'mount', why: 'puts layers over one another' },
    { programs: ['pasta', 'slirp4netns'], package: 'passt', why: 'gives steps a network of their own' },
    { programs: ['ip'], package: 'iproute2', why: "keeps steps from a cloud's metadata addresses" },
    ...(process.getuid() === 0 ? [] : [UIDMAP]),
  ]
}

/** What the end-to-end tests need beside that. */
export function neededToTest() {
  return [
    { programs: ['skopeo'], package: 'skopeo', why: 'reads what xbuild wrote' },
    { programs: ['umoci'], package: 'umoci', why: 'unpacks what xbuild wrote' },
    { programs: ['docker-registry'], package: 'docker-registry', why: 'is pushed to and pulled from' },
    { programs: ['git'], package: 'git', why: 'holds repositories to build from' },
    { programs: ['patch'], package: 'patch', why: 'applies the diffs of xbuild suggest' },
    { programs: ['setpriv'], package: 'util-linux', why: 'drops rights' },
    { programs: ['dockerd'], package: 'docker.io', why: 'is built on: Docker Engine, started by the tests' },
    {
      programs: ['docker'],
      package: dockerClient(osRelease()),
      why: 'asks Docker Engine what it has, and carries ssh connections to it',
    },
    { programs: ['podman'], package: 'podman', why: 'is built on: an engine without BuildKit' },
    // Debian's podman takes runc for crun, and recommends buildah without needing it
    { programs: ['crun'], package: 'crun', why: 'runs the steps of a build as another OCI runtime' },
    { programs: ['buildah'], package: 'buildah', why: 'has the flags that xbuild knows of it' },
    { programs: ['sshd'], package: 'openssh-server', why: 'is the way to a node behind ssh' },
    { programs: ['openssl'], package: 'openssl', why: 'makes certificates' },
    { programs: ['zstd'], package: 'zstd', why: 'packs and unpacks layers' },
    { programs: ['xz'], package: 'xz-utils', why: 'packs and unpacks archives' },
    { programs: ['bzip2'], package: 'bzip2', why: 'packs and unpacks archives' },
    { programs: ['pasta'], package: 'passt', why: 'connects the network of steps' },
    { programs: ['slirp4netns'], package: 'slirp4netns', why: 'connects the network of steps without pasta' },
    { programs: ['cc'], package: 'gcc', why: 'compiles the handler for native toolchains' },
    UIDMAP,
  ]
}

const UIDMAP = { programs: ['newuidmap'], package: 'uidmap', why: 'lets an ordinary user own many user ids' }

// Debian 13 made the binaries of qemu-user static; before it, those of qemu-user need the libraries of the image's CPU
function qemuPackage({ ID, VERSION_ID }) {
  const version = Number(VERSION_ID ?? 999)
  const staticByDefault = ID === 'ubuntu' ? version >= 25.04 : version >= 13
  return staticByDefault ? 'qemu-user' : 'qemu-user-static'
}

// Debian 13 gave the client a package of its own
function dockerClient({ ID, VERSION_ID }) {
  return ID === 'debian' && Number(VERSION_ID ?? 999) >= 13 ? 'docker-cli' : 'docker.io'
}

/** Installs by apt-get the packages of those needs that no program fills, saying which and why. */
export async function installPrograms(needs) {
  const missing = needs.filter((need) => !need.programs.some(findProgram))
  if (missing.length === 0) return
  const whys = new Map(missing.map((need) => [need.package, need.why]))
  const packages = [...whys.keys()]
  console.error(`Missing on this machine:\n${[...whys].map(([name, why]) => `  ${name.padEnd(18)} ${why}`).join('\n')}`)

  if (!findProgram('apt-get')) {
    throw new Stop(
      `There is no apt-get here. Install what Debian calls ${packages.join(', ')} with this system's package manager, then run this again`,
    )
  }
  const asRoot = process.getuid() === 0 ? [] : ['sudo']
  if (asRoot.length > 0 && !findProgram('sudo')) {
    throw new Stop(
      `Installing packages needs root, and there is no sudo here. As root: apt-get install ${packages.join(' ')}`,
    )
  }
  const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', WITHOUT_SERVICES, 'apt-get']
  const install = ['install', '-y', '--no-install-recommends', ...packages]
  console.error(`Installing: ${[...asRoot, 'apt-get', ...install].join(' ')}`)
  if ((await shown([...apt, ...install])) === 0) return
  // A fresh machine has no package lists, or old ones
  await shown([...apt, 'update'])
  if ((await shown([...apt, ...install])) === 0) return
  throw new Stop(
    `apt-get could not install ${packages.join(', ')}. Its output above says why; install them by hand, then run this again`,
  )
}

// What Debian asks before it starts a daemon: programs are installed, and no service runs that did not run before
const WITHOUT_SERVICES = `
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT INT TERM
    printf '#!/bin/sh\\nexit 101\\n' >"$policy" && chmod 755 "$policy"
  fi
  "$0" "$@"`

async function shown([file, ...args]) {
  return (await run(file, args, { show: true })).code
}

/** /etc/os-release as a record. */
export function osRelease(text = readFileSync('/etc/os-release', 'utf8')) {
  return Object.fromEntries([...text.matchAll(/^(\w+)=(["']?)(.*)\2$/gm)].map(([, key, , value]) => [key, value]))
}
