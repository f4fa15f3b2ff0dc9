/** What a Go program says of how it was built (package debug/buildinfo of Go). */
export interface GoBuild {
  /** Like `go1.24.4`. */
  readonly version: string
  /** Lines of its settings, as they are written. */
  readonly settings: readonly string[]
}

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')
const ALIGNED = 16
const HEADER = 32
const INLINE = 2
/** Around the settings; what they are does not matter. */
const SENTINEL = 16
const MAX_TEXT = 1 << 16

/** Reads the build information of a program, as Go 1.18 and later write it; nothing where there is none. */
export function readGoBuild(program: Buffer): GoBuild | undefined {
  for (let at = program.indexOf(MAGIC); at >= 0; at = program.indexOf(MAGIC, at + 1)) {
    if (at % ALIGNED !== 0 || at + HEADER > program.length || !(program[at + 15]! & INLINE)) continue
    const version = textAt(program, at + HEADER)
    const settings = version && textAt(program, version.end)
    if (!settings || settings.bytes.length < 2 * SENTINEL) return undefined
    const text = settings.bytes.subarray(SENTINEL, settings.bytes.length - SENTINEL).toString('utf8')
    return { version: version.bytes.toString('utf8'), settings: text.split('\n').filter(Boolean) }
  }
  return undefined
}

/** A text with its length before it, in groups of seven bits, the lowest first. */
function textAt(file: Buffer, from: number): { readonly bytes: Buffer; readonly end: number } | undefined {
  let length = 0
  let at = from
  for (let shift = 0; ; shift += 7, at += 1) {
    const byte = file[at]
    if (byte === undefined || shift > 21) return undefined
    length += (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  const start = at + 1
  if (length > MAX_TEXT || start + length > file.length) return undefined
  return { bytes: file.subarray(start, start + length), end: start + length }
}

/** Settings that name the CPU a program runs on. */
const OF_CPU = /^build\tGO(?:ARCH|386|AMD64|ARM|ARM64|LOONG64|MIPS|MIPS64|PPC64|RISCV64|S390X|WASM)=/

/**
 * Why two programs were not built alike for two CPUs, in words; nothing where they were. Order is that of the names,
 * which those of the CPU are among.
 */
export function builtDifferently(one: GoBuild | undefined, other: GoBuild | undefined): string | undefined {
  if (!one || !other) return 'it does not say how it was built'
  if (one.version !== other.version) return 'it is of another release'
  const own = ({ settings }: GoBuild) => settings.filter((line) => !OF_CPU.test(line)).sort()
  const [left, right] = [own(one), own(other)]
  const different = [...left.filter((line) => !right.includes(line)), ...right.filter((line) => !left.includes(line))]
  return different.length > 0 || left.length !== right.length ? 'the two were built differently' : undefined
}
