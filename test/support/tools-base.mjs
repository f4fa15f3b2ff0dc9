import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { downloadPackages } from '../../examples/base/debian.mjs'
import { packLayer } from '../../examples/base/layer.mjs'
import { writeLayout } from '../../examples/base/layout.mjs'
import { cache } from '../../examples/setup/places.mjs'
import { runOk } from '../../examples/setup/process.mjs'

const PACKAGES = [
  'base-files', 'base-passwd', 'coreutils', 'dash', 'sed', 'grep', 'findutils', 'diffutils', 'mawk', 'tar', 'gzip', 'apt', 'dpkg', 'bash', 'debianutils', 'perl-base', 'libc-bin',
  'xz-utils', 'bzip2', 'zstd', 'attr', 'python3-minimal',
]

/** Packages that are not unpacked: they wait to be installed. */
const WAITING = ['libjansson4', 'make', 'patch']

/** Folder of the OCI layout of Debian 13 for arm64 with apt, Python, compressors, and an archive of a few packages in /repo. Made at first use and kept. */
export async function toolsBase() {
  const version = createHash('sha256').update(readFileSync(new URL(import.meta.url))).digest('hex').slice(0, 12)
  const folder = join(cache, 'toolchains')
  const target = join(folder, `tools-arm64-${version}`)
  if (existsSync(join(target, 'index.json'))) return target
  await mkdir(folder, { recursive: true })
  const work = await mkdtemp(join(folder, '.tmp-'))
  try {
    const layout = join(work, 'layout')
    const blobs = join(layout, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const all = await downloadPackages([...PACKAGES, ...WAITING], { architecture: 'arm64', folder: join(work, 'debs') })
    const waits = (deb) => WAITING.includes(basename(deb).split('_')[0])
    const debs = all.filter((deb) => !waits(deb))
    const archive = await archiveOf(all.filter(waits))
    const layer = await packLayer({ debs, extra: [...SKELETON, ...archive, { name: 'var/lib/dpkg/status', type: 'file', content: await statusOf(debs) }] }, { blobs })
    await writeLayout(layout, [{ platform: { os: 'linux', architecture: 'arm64' }, layer, config: { Env: [PATH], Cmd: ['sh'] } }])
    await rename(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return target
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What the scripts of packages would have made, and an apt that knows no other archive than /repo. */
const SKELETON = [
  { name: 'tmp', type: 'directory', mode: 0o1777 },
  ...['bin', 'sbin', 'lib', 'lib64'].map((name) => ({ name, type: 'symlink', linkname: `usr/${name}`, mode: 0o777 })),
  { name: 'usr/bin/awk', type: 'symlink', linkname: 'mawk', mode: 0o777 },
  { name: 'etc/passwd', type: 'file', content: 'root:x:0:0:root:/root:/bin/sh\nbuilder:x:1234:1234::/home:/bin/sh\n_apt:x:42:65534::/nonexistent:/bin/false\n' },
  { name: 'etc/group', type: 'file', content: 'root:x:0:\nbuilders:x:1234:\nnogroup:x:65534:\n' },
  { name: 'etc/apt/sources.list.d/debian.sources', type: 'file', content: '' },
  { name: 'etc/apt/sources.list', type: 'file', content: 'deb [trusted=yes] file:/repo ./\n' },
]

/** The packages with their index. */
async function archiveOf(debs) {
  const files = await Promise.all(debs.map(async (deb) => ({ name: basename(deb), content: await readFile(deb), fields: await runOk('dpkg-deb', ['--field', deb]) })))
  const stanzas = files.map(({ name, content, fields }) => `${fields.trimEnd()}\nFilename: ./${name}\nSize: ${content.length}\nSHA256: ${createHash('sha256').update(content).digest('hex')}\n`)
  const file = (name, content) => ({ name: `repo/${name}`, type: 'file', size: content.length, content: Readable.from([content], { objectMode: false }) })
  return [file('Packages.gz', gzipSync(stanzas.join('\n'))), ...files.map(({ name, content }) => file(name, content))]
}

/** What dpkg would remember of these packages. */
async function statusOf(debs) {
  const stanzas = []
  for (const deb of debs) stanzas.push((await runOk('dpkg-deb', ['--field', deb])).trimEnd().replace(/\n/, '\nStatus: install ok installed\n'))
  return `${stanzas.join('\n\n')}\n`
}
