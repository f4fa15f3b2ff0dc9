import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadPackages } from '../../examples/base/debian.mjs'
import { packLayer } from '../../examples/base/layer.mjs'
import { writeLayout } from '../../examples/base/layout.mjs'
import { cache } from '../../examples/setup/places.mjs'
import { runOk } from '../../examples/setup/process.mjs'

const PACKAGES = [
  'base-files', 'base-passwd', 'coreutils', 'dash', 'sed', 'grep', 'findutils', 'diffutils', 'mawk', 'tar', 'gzip', 'apt', 'dpkg', 'bash', 'debianutils', 'perl-base', 'libc-bin',
  'debian-archive-keyring', 'gcc', 'libc6-dev', 'make',
]

/**
 * Folder of the OCI layout of Debian 13 for one architecture with make, gcc and what `apt-get install crossbuild-essential-<other>` would
 * bring: in it that command finds everything installed, without a network. Made at first use and kept. Architectures are Debian's names.
 */
export async function crossBase(architecture, other) {
  const version = createHash('sha256').update(readFileSync(new URL(import.meta.url))).digest('hex').slice(0, 12)
  const folder = join(cache, 'toolchains')
  const target = join(folder, `cross-${architecture}-${other}-${version}`)
  if (existsSync(join(target, 'index.json'))) return target
  await mkdir(folder, { recursive: true })
  const work = await mkdtemp(join(folder, '.tmp-'))
  try {
    const layout = join(work, 'layout')
    const blobs = join(layout, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const debs = await downloadPackages([...PACKAGES, `crossbuild-essential-${other}`], { architecture, folder: join(work, 'debs') })
    const layer = await packLayer({ debs, extra: [...SKELETON, { name: 'var/lib/dpkg/status', type: 'file', content: await statusOf(debs) }] }, { blobs })
    await writeLayout(layout, [{ platform: { os: 'linux', architecture }, layer, config: { Env: [PATH], Cmd: ['sh'] } }])
    await rename(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return target
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What the scripts of packages would have made. */
const SKELETON = [
  { name: 'tmp', type: 'directory', mode: 0o1777 },
  ...['bin', 'sbin', 'lib', 'lib64'].map((name) => ({ name, type: 'symlink', linkname: `usr/${name}`, mode: 0o777 })),
  { name: 'usr/bin/awk', type: 'symlink', linkname: 'mawk', mode: 0o777 },
  { name: 'etc/passwd', type: 'file', content: 'root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/bin/false\n' },
  { name: 'etc/group', type: 'file', content: 'root:x:0:\nnogroup:x:65534:\n' },
]

/** What dpkg would remember of these packages. */
async function statusOf(debs) {
  const stanzas = []
  for (const deb of debs) stanzas.push((await runOk('dpkg-deb', ['--field', deb])).trimEnd().replace(/\n/, '\nStatus: install ok installed\n'))
  return `${stanzas.join('\n\n')}\n`
}
