import * as zlib from 'node:zlib'
import type { Duplex } from 'node:stream'
import { XbuildError } from '../errors.ts'
import { exec } from '../host/exec.ts'
import { programStream } from '../host/program-stream.ts'

/** Node has zstd since 22.15. */
type CreateZstd = (options: { readonly params: Readonly<Record<number, number>> }) => Duplex
const createZstd = (zlib as unknown as { readonly createZstdCompress?: CreateZstd }).createZstdCompress
/** `ZSTD_c_compressionLevel`. */
const ZSTD_LEVEL = 100
const ZSTD_USUAL = 3

/** A stream that compresses what goes through it; equal bytes and levels give equal bytes in one installation. */
export function compressor(type: 'gzip' | 'zstd', level: number | undefined): Duplex {
  if (type === 'gzip')
    return zlib.createGzip({ level: level ?? zlib.constants.Z_DEFAULT_COMPRESSION, chunkSize: 1 << 18 })
  // The program takes 0 for its usual level, and those above 19 only when told so
  const chosen = level || ZSTD_USUAL
  if (createZstd) return createZstd({ params: { [ZSTD_LEVEL]: chosen } })
  return programStream('zstd', ['--compress', '--stdout', '--quiet', '-T1', '--ultra', `-${chosen}`], {
    failure: (state, said) =>
      new XbuildError('HOST', `Cannot compress a layer with zstd: ${state}`, { output: said, hint: HINT }),
  })
}

const HINT = 'Install the program zstd (Debian, Ubuntu: apt-get install zstd), or use Node.js 22.15 or later'

/** Throws HOST when nothing on this machine can compress with zstd. */
export async function requireZstd(signal: AbortSignal): Promise<void> {
  if (createZstd) return
  await exec('zstd', ['--version'], { signal }).catch((cause: unknown) => {
    signal.throwIfAborted()
    const state = `Node.js ${process.version} cannot do it, and there is no program "zstd"`
    throw new XbuildError('HOST', `Cannot compress layers with zstd: ${state}`, { hint: HINT, cause })
  })
}
