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
import { inTurn } from './in-turn.mjs'

/** In every base image. Which awk is the caller's choice. */
const ESSENTIAL = [
  'base-files',
  'base-passwd',
  'coreutils',
  'dash',
  'sed',
  'grep',
  'findutils',
  'diffutils',
  'tar',
  'gzip',
]

/** Packages of an image in which `apt-get` and `dpkg` work. */
export const APT = ['apt', 'dpkg', 'bash', 'debianutils', 'perl-base', 'mawk', 'libc-bin']

/** Debian's names of architectures where OCI has others. */
const PLATFORMS = { armhf: { architecture: 'arm', variant: 'v7' }, ppc64el: { architecture: 'ppc64le' } }

/**
 * Folder of the OCI layout of a Debian 13 with `packages` and what they depend on, unpacked as `mmdebstrap` would,
 * without their scripts. Made at
 * first use and kept with those of the examples, under a name that changes with what is asked for and with how it is
 * made here.
 * - `architectures`: Debian's names; one image for each
 * - `alternatives`: what `update-alternatives` would link in /usr/bin
 * - `users`, `groups`: more lines of /etc/passwd and /etc/group
 * - `archive`: packages that are not unpacked but wait in /repo, the only archive that apt knows then
 */
export async function debianBase(
  name,
  { architectures, packages, alternatives = {}, users = '', groups = '', archive = [] },
) {
  const asked = { architectures, packages, alternatives, users, groups, archive }
  const version = createHash('sha256')
    .update(readFileSync(new URL(import.meta.url)))
    .update(JSON.stringify(asked))
    .digest('hex')
    .slice(0, 12)
  const folder = join(cache, 'toolchains')
  const target = join(folder, `${name}-${version}`)
  const isMade = () => existsSync(join(target, 'index.json'))
  if (!isMade()) await inTurn(`base-${name}`, async () => isMade() || makeBase(asked, { folder, target }))
  return target
}

async function makeBase(asked, { folder, target }) {
  const { architectures, packages, alternatives, users, groups, archive } = asked
  await mkdir(folder, { recursive: true })
  const work = await mkdtemp(join(folder, '.tmp-'))
  try {
    const layout = join(work, 'layout')
    const blobs = join(layout, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const images = []
    for (const architecture of architectures) {
      const downloads = join(work, architecture)
      const all = await downloadPackages([...ESSENTIAL, ...packages, ...archive], { architecture, folder: downloads })
      const waits = (deb) => archive.includes(basename(deb).split('_')[0])
      const debs = all.filter((deb) => !waits(deb))
      const extra = [
        ...skeleton({ alternatives, users, groups }),
        ...(await archiveOf(all.filter(waits))),
        file('var/lib/dpkg/status', await statusOf(debs)),
      ]
      const layer = await packLayer({ debs, extra }, { blobs })
      images.push({
        platform: { os: 'linux', architecture, ...PLATFORMS[architecture] },
        layer,
        config: { Env: [PATH], Cmd: ['sh'] },
      })
      await rm(downloads, { recursive: true, force: true })
    }
    await writeLayout(layout, images)
    await rename(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const USERS =
  'root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/bin/false\nnobody:x:65534:65534::/nonexistent:/bin/false\n'
const GROUPS = 'root:x:0:\nadm:x:4:\ntty:x:5:\nshadow:x:42:\nutmp:x:43:\nmail:x:8:\nstaff:x:50:\nnogroup:x:65534:\n'

/** What the scripts of packages would have made. */
function skeleton({ alternatives, users, groups }) {
  return [
    { name: 'tmp', type: 'directory', mode: 0o1777 },
    { name: 'root', type: 'directory', mode: 0o700 },
    ...['bin', 'sbin', 'lib', 'lib64'].map((name) => link(name, `usr/${name}`)),
    ...Object.entries(alternatives).map(([name, to]) => link(`usr/bin/${name}`, to)),
    file('etc/passwd', USERS + users),
    file('etc/group', GROUPS + groups),
  ]
}

function file(name, content) {
  return { name, type: 'file', content }
}

function link(name, linkname) {
  return { name, type: 'symlink', linkname, mode: 0o777 }
}

/** What dpkg would remember of these packages. */
async function statusOf(debs) {
  const stanzas = []
  for (const deb of debs) stanzas.push((await fieldsOf(deb)).replace(/\n/, '\nStatus: install ok installed\n'))
  return `${stanzas.join('\n\n')}\n`
}

/** The packages with their index, and apt's sources; nothing without packages. */
async function archiveOf(debs) {
  if (debs.length === 0) return []
  const packed = await Promise.all(
    debs.map(async (deb) => ({ name: basename(deb), content: await readFile(deb), fields: await fieldsOf(deb) })),
  )
  const stanzas = packed.map(
    ({ name, content, fields }) =>
      `${fields}\nFilename: ./${name}\nSize: ${content.length}\nSHA256: ${createHash('sha256').update(content).digest('hex')}\n`,
  )
  const bytes = (name, content) => ({
    ...file(`repo/${name}`, Readable.from([content], { objectMode: false })),
    size: content.length,
  })
  return [
    file('etc/apt/sources.list.d/debian.sources', ''),
    file('etc/apt/sources.list', 'deb [trusted=yes] file:/repo ./\n'),
    bytes('Packages.gz', gzipSync(stanzas.join('\n'))),
    ...packed.map(({ name, content }) => bytes(name, content)),
  ]
}

async function fieldsOf(deb) {
  return (await runOk('dpkg-deb', ['--field', deb])).trimEnd()
}
