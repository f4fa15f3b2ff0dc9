import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { writeLayout } from '../../../examples/base/layout.mjs'
import { cache } from '../../../examples/setup/places.mjs'
import { findProgram, runOk, Stop } from '../../../examples/setup/process.mjs'

/** Debian's releases by number. */
export const SUITES = { 12: 'bookworm', 13: 'trixie' }

/** In every base image: what the image "debian" has, as far as builds need it. */
const ALWAYS = [
  ...['apt', 'base-files', 'base-passwd', 'bash', 'ca-certificates', 'coreutils', 'dash', 'debianutils', 'diffutils'],
  ...['dpkg', 'findutils', 'gawk', 'grep', 'gzip', 'hostname', 'libc-bin', 'login', 'mawk', 'passwd', 'perl-base'],
  ...['debian-archive-keyring', 'sed', 'tar', 'util-linux', 'usr-is-merged', 'usrmerge'],
]

/** What the scripts of packages would have made; they are not run, for then a foreign image would need an emulator. */
const FINISH = `set -e
: > "$1/var/lib/dpkg/status"
for deb in "$1"/var/cache/apt/archives/*.deb; do
  dpkg-deb --field "$deb" | sed '1a Status: install ok installed' >> "$1/var/lib/dpkg/status"
  echo >> "$1/var/lib/dpkg/status"
done
cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
echo '_apt:*:42:65534::/nonexistent:/usr/sbin/nologin' >> "$1/etc/passwd"
cat "$1"/usr/share/ca-certificates/mozilla/*.crt > "$1/etc/ssl/certs/ca-certificates.crt"
ln -sf gawk "$1/usr/bin/awk"
for name in cc=gcc c++=g++ automake=automake-1.17 aclocal=aclocal-1.17; do
  test ! -e "$1/usr/bin/\${name#*=}" || ln -sf "\${name#*=}" "$1/usr/bin/\${name%=*}"
done
for name in automake aclocal; do
  test -e "$1/usr/bin/$name" || test ! -e "$1/usr/bin/$name-1.16" || ln -sf "$name-1.16" "$1/usr/bin/$name"
done
rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale" "$1/usr/share/info"`

/** Folder of the OCI layout of a Debian with these packages for one architecture, by Debian's name of it. */
export async function realBase({ release, architecture, packages }) {
  if (!findProgram('mmdebstrap')) throw new Stop('Base images are made by mmdebstrap: apt-get install mmdebstrap')
  const version = createHash('sha256')
    .update(readFileSync(new URL(import.meta.url)))
    .update(JSON.stringify(packages))
    .digest('hex')
    .slice(0, 12)
  const target = join(cache, 'toolchains', `real-${release}-${architecture}-${version}`)
  if (existsSync(join(target, 'index.json'))) return target
  console.error(`Making Debian ${release} for ${architecture} with ${packages.join(', ') || 'no more packages'}`)
  await mkdir(join(cache, 'toolchains'), { recursive: true })
  const work = await mkdtemp(join(cache, 'toolchains', '.tmp-'))
  try {
    const tar = join(work, 'base.tar')
    const layout = join(work, 'layout')
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true })
    await runOk(
      'mmdebstrap',
      [
        // Without devices: to delete them later, tar would copy the archive, and damages files in it
        ...['--quiet', '--variant=extract', '--skip=output/dev', `--architectures=${architecture}`],
        `--include=${[...ALWAYS, ...packages].filter((name) => name !== 'usrmerge').join(',')}`,
        ...[`--extract-hook=sh -c '${FINISH.replaceAll("'", String.raw`'\''`)}' sh "$1"`, SUITES[release], tar],
      ],
      { env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' } },
    )
    const layer = await packTar(tar, join(layout, 'blobs/sha256'))
    await writeLayout(layout, [
      {
        platform: { os: 'linux', architecture },
        layer,
        config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'] },
      },
    ])
    await rename(layout, target)
    return target
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function packTar(tar, blobs) {
  const [plain, zipped] = [createHash('sha256'), createHash('sha256')]
  const temp = join(blobs, '.tmp')
  const through = (hash) =>
    new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk)
        done(undefined, chunk)
      },
    })
  await pipeline(
    createReadStream(tar),
    through(plain),
    createGzip({ level: 1 }),
    through(zipped),
    createWriteStream(temp),
  )
  const { size } = await stat(temp)
  const hex = zipped.digest('hex')
  await rename(temp, join(blobs, hex))
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip'
  return { descriptor: { mediaType, digest: `sha256:${hex}`, size }, diffId: `sha256:${plain.digest('hex')}` }
}
