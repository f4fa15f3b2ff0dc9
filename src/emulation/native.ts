import { open } from 'node:fs/promises'
import { type Platform, platformOfNodeArch } from '../platform.ts'

/** What each amd64 level adds, as /proc/cpuinfo names it (x86-64 psABI, 3.1.1). */
const AMD64_LEVELS: readonly (readonly [variant: string, flags: readonly string[]])[] = [
  ['v2', ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3']],
  ['v3', ['abm', 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'xsave']],
  ['v4', ['avx512bw', 'avx512cd', 'avx512dq', 'avx512f', 'avx512vl']],
]

/**
 * What this machine's CPU runs by itself, its own platform first; without 32-bit siblings, which some kernels refuse.
 */
export async function nativePlatforms(cpuinfo = '/proc/cpuinfo'): Promise<Platform[]> {
  const own = platformOfNodeArch(process.arch)
  return own.architecture === 'amd64' ? [own, ...amd64Levels(await firstProcessor(cpuinfo))] : [own]
}

/** The amd64 variants that a CPU with this text in /proc/cpuinfo has. */
export function amd64Levels(cpuinfo: string): Platform[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/))
  const missing = AMD64_LEVELS.findIndex(([, needed]) => !needed.every((flag) => flags.has(flag)))
  return AMD64_LEVELS.slice(0, missing < 0 ? undefined : missing).map(([variant]) => ({
    os: 'linux',
    architecture: 'amd64',
    variant,
  }))
}

/** The GOARCH of 32-bit programs that some CPUs of an architecture run too. */
export function siblingOf(architecture: string): string | undefined {
  return { amd64: '386', arm64: 'arm' }[architecture]
}

/** Only the beginning: the whole file takes long on machines with many CPUs. */
async function firstProcessor(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const buffer = Buffer.alloc(8192)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}
