import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadPackages } from '../../examples/base/debian.mjs'
import { packLayer } from '../../examples/base/layer.mjs'
import { writeLayout } from '../../examples/base/layout.mjs'
import { cache } from '../../examples/setup/places.mjs'
import { runOk } from '../../examples/setup/process.mjs'

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const MINIMAL = ['base-files', 'base-passwd', 'coreutils', 'dash', 'sed', 'grep', 'findutils', 'diffutils', 'gawk', 'tar', 'gzip']

/** Base images of Debian 13 with compilers, for tests and measurements: the packages that `mmdebstrap` would take, without their scripts. */
const BASES = {
  /** C and C++. */
  toolchain: ['g++', 'libc6-dev', 'make', 'file'],
  /** Go, as Debian has it. */
  golang: ['golang-go', 'gcc', 'libc6-dev', 'ca-certificates'],
  /** No compiler, but apt. */
  apt: ['apt', 'dpkg', 'bash', 'debianutils', 'hostname', 'perl-base', 'login', 'util-linux', 'mawk', 'libc-bin', 'debian-archive-keyring'],
}

/** Folder of the OCI layout of a base image, made at first use and kept with those of the examples. `architectures` are Debian's names. */
export async function toolchainBase(name, architectures = ['amd64', 'arm64']) {
  const version = createHash('sha256').update(readFileSync(new URL(import.meta.url))).digest('hex').slice(0, 12)
  const target = join(cache, 'toolchains', `${name}-${architectures.join('-')}-${version}`)
  if (existsSync(join(target, 'index.json'))) return target
  await mkdir(join(cache, 'toolchains'), { recursive: true })
  const work = await mkdtemp(join(cache, 'toolchains', '.tmp-'))
  try {
    const layout = join(work, 'layout')
    const blobs = join(layout, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const images = []
    for (const architecture of architectures) {
      const debs = await downloadPackages([...MINIMAL, ...BASES[name]], { architecture, folder: join(work, architecture) })
      const extra = [
        { name: 'tmp', type: 'directory', mode: 0o1777 },
        { name: 'root', type: 'directory', mode: 0o700 },
        ...['bin', 'sbin', 'lib', 'lib64'].map((folder) => ({ name: folder, type: 'symlink', linkname: `usr/${folder}`, mode: 0o777 })),
        { name: 'usr/bin/awk', type: 'symlink', linkname: name === 'apt' ? 'mawk' : 'gawk', mode: 0o777 },
        ...['cc', 'c++'].map((tool) => ({ name: `usr/bin/${tool}`, type: 'symlink', linkname: tool === 'cc' ? 'gcc' : 'g++', mode: 0o777 })),
        { name: 'etc/passwd', type: 'file', content: 'root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/bin/false\nnobody:x:65534:65534::/nonexistent:/bin/false\n' },
        { name: 'etc/group', type: 'file', content: 'root:x:0:\nadm:x:4:\ntty:x:5:\nshadow:x:42:\nutmp:x:43:\nmail:x:8:\nstaff:x:50:\nnogroup:x:65534:\n' },
        { name: 'var/lib/dpkg/status', type: 'file', content: await statusOf(debs) },
      ]
      const layer = await packLayer({ debs, extra }, { blobs })
      images.push({ platform: { os: 'linux', architecture: architecture === 'armhf' ? 'arm' : architecture === 'ppc64el' ? 'ppc64le' : architecture, ...(architecture === 'armhf' ? { variant: 'v7' } : {}) }, layer, config: { Env: [PATH], Cmd: ['sh'] } })
      await rm(join(work, architecture), { recursive: true, force: true })
    }
    await writeLayout(layout, images)
    await rename(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return target
}

/** What dpkg would remember of these packages. */
async function statusOf(debs) {
  const stanzas = []
  for (const deb of debs) stanzas.push((await runOk('dpkg-deb', ['--field', deb])).trimEnd().replace(/\n/, '\nStatus: install ok installed\n'))
  return `${stanzas.join('\n\n')}\n`
}
