import { matchOrder, type Platform } from '../platform.ts'
import type { Program } from './types.ts'

/** Systems and CPUs whose programs are no machine code of a file format that is read here. */
export function canAudit({ os, architecture }: Platform): boolean {
  return ['linux', 'windows', 'darwin', 'freebsd'].includes(os) && architecture !== 'wasm'
}

/**
 * Whether a platform runs a program by itself: `no` for another system or CPU, `level` when only newer CPUs of the
 * platform's kind do. 32-bit programs run where the platform's CPUs have that mode (containerd's order of platforms).
 */
export function runsOn(program: Program, platform: Platform): 'yes' | 'no' | 'level' {
  if (program.os !== platform.os) return 'no'
  const names = [program.architecture, ...(program.more ?? [])]
  const accepted = matchOrder(platform).filter(({ architecture }) => names.includes(architecture))
  if (accepted.length === 0) return 'no'
  if (program.variant === undefined) return 'yes'
  const wanted = Number(program.variant.slice(1))
  const best = Math.max(...accepted.map(({ variant }) => Number((variant ?? 'v1').slice(1)) || 1))
  // A 386 program on amd64 runs at the level of the amd64 CPU
  const own = program.architecture === '386' ? levelOf(platform) : best
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
