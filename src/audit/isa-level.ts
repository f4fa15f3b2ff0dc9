import { PT_NOTE, type Numbers, type Segment } from './elf-headers.ts'
import type { FileBytes } from './types.ts'

const PROPERTIES = 5
/** The name "GNU". */
const GNU = 0x474e5500
const X86_ISA_NEEDED = 0xc0008002
/** More notes than any real file has. Bytes. */
const MAX_NOTES = 1 << 16

/**
 * The level of the x86-64 psABI that a program needs, from its `.note.gnu.property` (NT_GNU_PROPERTY_TYPE_0,
 * GNU_PROPERTY_X86_ISA_1_NEEDED).
 */
export function isaLevel(file: FileBytes, { wide, words }: Numbers, segments: readonly Segment[]): string | undefined {
  const unit = wide ? 8 : 4
  let bits = 0
  for (const { type, offset, size } of segments) {
    const notes = type === PT_NOTE && size <= MAX_NOTES ? file.at(offset, size) : undefined
    if (!notes) continue
    const all = words(notes)
    for (let at = 0; at + 12 <= notes.length; ) {
      const isProperties = all[at / 4 + 2] === PROPERTIES
      const from = at + 12 + up(all[at / 4]!, 4)
      const contentSize = all[at / 4 + 1]!
      if (isProperties && at + 16 <= notes.length && notes.readUInt32BE(at + 12) === GNU)
        for (let property = from; property + 12 <= Math.min(from + contentSize, notes.length); ) {
          if (all[property / 4] === X86_ISA_NEEDED) bits |= all[property / 4 + 2]!
          property += 8 + up(all[property / 4 + 1]!, unit)
        }
      at = from + up(contentSize, isProperties ? unit : 4)
    }
  }
  if (bits === 0) return undefined
  const level = [3, 2, 1].find((bit) => (bits & (1 << bit)) !== 0)
  return level === undefined ? undefined : `v${level + 1}`
}

function up(size: number, to: number): number {
  return Math.ceil(size / to) * to
}
