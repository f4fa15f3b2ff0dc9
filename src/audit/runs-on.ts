import { matchOrder, type Platform } from '../platform.ts'
import type { Program } from './types.ts'

/** 32-bit programs that kernels of an architecture run, where containerd's order of platforms does not say so. */
const OLDER: Readonly<Record<string, readonly string[]>> = {
  s390x: ['s390'],
  ppc64: ['ppc'],
  mips64: ['mips', 'mipsn32'],
  mips64le: ['mipsle', 'mipsn32le'],
}

/** Systems and CPUs whose programs are no machine code of a file format that is read here. */
export function canAudit({ os, architecture }: Platform): boolean {
  return ['linux', 'windows', 'darwin', 'freebsd'].includes(os) && architecture !== 'wasm'
}

/**
 * Whether a platform runs a program by itself: `no` for another system or CPU, `level` when only newer CPUs of the
 * platform's kind do. 32-bit programs run where the platform's CPUs have that mode (containerd's order of platforms).
 */
export function runsOn(program: Program, platform: Platform): Runs {
  return createRunsOn(platform)(program)
}

/** How a platform takes a program: as it is, not at all, or with newer CPUs only. */
export type Runs = 'yes' | 'no' | 'level'

/** `runsOn` for the programs of an image, of which there are thousands of a few kinds. */
export function createRunsOn(platform: Platform): (program: Program) => Runs {
  const order = matchOrder(platform)
  const known = new Map<string, Runs>()
  return (program) => {
    const { os, architecture, variant = '', more = [] } = program
    const key = `${os} ${architecture} ${variant} ${more.join(' ')}`
    let runs = known.get(key)
    if (runs === undefined) known.set(key, (runs = judgeKind(program, { platform, order })))
    return runs
  }
}

function judgeKind(
  { os, architecture, variant, more = [] }: Program,
  { platform, order }: { readonly platform: Platform; readonly order: readonly Platform[] },
): Runs {
  if (os !== platform.os) return 'no'
  const names = [architecture, ...more]
  if (names.some((name) => OLDER[platform.architecture]?.includes(name))) return 'yes'
  const accepted = order.filter((one) => names.includes(one.architecture))
  if (accepted.length === 0) return 'no'
  if (variant === undefined) return 'yes'
  const wanted = Number(variant.slice(1))
  const best = Math.max(...accepted.map((one) => Number((one.variant ?? 'v1').slice(1)) || 1))
  // A 386 program on amd64 runs at the level of the amd64 CPU
  const own = architecture === '386' ? levelOf(platform) : best
  return wanted <= own ? 'yes' : 'level'
}

function levelOf({ architecture, variant }: Platform): number {
  if (architecture === 'amd64') return Number((variant ?? 'v1').slice(1)) || 1
  return 1
}

/** A program's platform, for people: `linux/amd64`, `linux/arm/v7`, `darwin/amd64+arm64`. */
export function platformOf({ os, architecture, variant, more = [] }: Program): string {
  return `${os}/${[architecture, ...more].join('+')}${variant === undefined ? '' : `/${variant}`}`
}
