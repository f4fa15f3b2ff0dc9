import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

/** Documentation and translations: a base image has no reader. */
const LEFT_OUT = /^usr\/share\/(doc|man|info|locale|lintian|bug|doc-base)\/./
/** Folders that are links into /usr in every current Debian. */
const MERGED = /^(bin|sbin|lib|lib32|lib64|libx32)\//

/**
 * Packs files of Debian packages and `extra` entries into one layer, streaming: nothing is unpacked, no root is
 * needed and owners stay.
 * Maintainer scripts are not run. `keep(path)` may choose and rename: it returns the path in the layer, or nothing to
 * leave a file out.
 * @returns {Promise<{ descriptor: object, diffId: string }>}
 */
export async function packLayer({ debs, extra, keep = keepAll }, { blobs }) {
  const { pack: createPack, extract: createExtract } = await import('tar-stream')
  const pack = createPack()
  const temp = join(blobs, `.tmp-${process.pid}-${Math.random().toString(36).slice(2)}`)
  const plain = hashing()
  const zipped = hashing()
  const written = pipeline(pack, plain.stream, createGzip({ level: 2 }), zipped.stream, createWriteStream(temp))
  const seen = new Set()
  const fill = async () => {
    for (const entry of extra) {
      seen.add(entry.name)
      await add(pack, { mtime: new Date(0), mode: entry.type === 'directory' ? 0o755 : 0o644, ...entry }, entry.content)
    }
    for (const deb of debs) {
      const extract = createExtract()
      const child = spawn('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'inherit'] })
      const done = pipeline(child.stdout, extract)
      for await (const entry of extract) {
        const name = keep(clean(entry.header.name))
        if (!name || seen.has(name)) {
          entry.resume()
          continue
        }
        seen.add(name)
        const { type, mode, uid, gid, size, mtime, linkname } = entry.header
        const link = type === 'link' ? keep(clean(linkname)) : linkname
        await add(pack, { name, type, mode, uid, gid, size, mtime, linkname: link ?? undefined }, entry)
      }
      await done
    }
    pack.finalize()
  }
  await Promise.all([written, fill().catch((error) => pack.destroy(error))])
  const digest = zipped.digest()
  await rename(temp, join(blobs, digest.slice('sha256:'.length)))
  const { size } = await stat(join(blobs, digest.slice('sha256:'.length)))
  return {
    descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size },
    diffId: plain.digest(),
  }
}

function keepAll(path) {
  if (LEFT_OUT.test(path)) return undefined
  return MERGED.test(path) ? `usr/${path}` : path
}

function clean(name) {
  return name.replace(/^\.?\/+/, '').replace(/\/+$/, '')
}

async function add(pack, header, content) {
  await new Promise((resolve, reject) => {
    const settle = (error) => (error ? reject(error) : resolve())
    if (content === undefined || typeof content === 'string') {
      pack.entry(header, content ?? '', settle)
    } else if (header.type === 'file') {
      pipeline(content, pack.entry(header, settle)).catch(reject)
    } else {
      content.resume()
      pack.entry(header, settle)
    }
  })
}

function hashing() {
  const hash = createHash('sha256')
  const stream = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  return { stream, digest: () => `sha256:${hash.digest('hex')}` }
}
