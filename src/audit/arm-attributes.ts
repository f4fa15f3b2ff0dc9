import type { FileBytes } from './types.ts'

const SHT_ARM_ATTRIBUTES = 0x70000003
const TAG_FILE = 1
const TAG_CPU_ARCH = 6
/** Tags below 32 whose value is a text; above, odd tags have texts (ABI for the Arm Architecture, "Addenda"). */
const TEXT_TAGS = [4, 5]
const TAG_COMPATIBILITY = 32
/** Values of Tag_CPU_arch as variants of linux/arm; those of microcontrollers are none. */
const VERSIONS: Readonly<Record<number, string>> = {
  3: 'v5',
  4: 'v5',
  5: 'v5',
  6: 'v6',
  7: 'v6',
  8: 'v7',
  9: 'v6',
  10: 'v7',
  14: 'v8',
  15: 'v8',
  18: 'v8',
  19: 'v8',
  20: 'v8',
  22: 'v8',
}

/** The version of the Arm architecture that a 32-bit little-endian ELF file was compiled for, if it says so. */
export function armVersion(file: FileBytes, header: Buffer): string | undefined {
  const [offset, size, count] = [header.readUInt32LE(32), header.readUInt16LE(46), header.readUInt16LE(48)]
  const table = file.at(offset, size * count)
  for (let index = 0; table && index < count; index += 1) {
    const entry = table.subarray(index * size, (index + 1) * size)
    if (entry.length < 40 || entry.readUInt32LE(4) !== SHT_ARM_ATTRIBUTES) continue
    const attributes = file.at(entry.readUInt32LE(16), Math.min(entry.readUInt32LE(20), 1 << 16))
    return attributes && VERSIONS[cpuArchitecture(attributes) ?? -1]
  }
  return undefined
}

function cpuArchitecture(bytes: Buffer): number | undefined {
  if (bytes[0] !== 0x41) return undefined // format "A"
  const vendor = bytes.toString('latin1', 5, 11)
  if (vendor !== 'aeabi\0' || bytes[11] !== TAG_FILE) return undefined
  let at = 16
  const number = () => {
    let value = 0
    for (let shift = 0; at < bytes.length && shift < 28; shift += 7) {
      const byte = bytes[at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    return value
  }
  const skipText = () => {
    const end = bytes.indexOf(0, at)
    at = end < 0 ? bytes.length : end + 1
  }
  while (at < bytes.length) {
    const tag = number()
    if (tag === TAG_CPU_ARCH) return number()
    if (tag === TAG_COMPATIBILITY) {
      number()
      skipText()
    } else if (TEXT_TAGS.includes(tag) || (tag > TAG_COMPATIBILITY && tag % 2 === 1)) skipText()
    else number()
  }
  return undefined
}
