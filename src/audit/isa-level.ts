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
  for (const segment of segments) {
    if (segment.type !== PT_NOTE || segment.size > MAX_NOTES) continue
    const notes = file.at(segment.offset, segment.size)
    if (!notes) continue
    const all = words(notes)
    for (let at = 0; at + 12 <= notes.length; ) {
      const [nameSize, contentSize, type] = [all[at / 4]!, all[at / 4 + 1]!, all[at / 4 + 2]!]
      const from = at + 12 + up(nameSize, 4)
      if (type === PROPERTIES && at + 16 <= notes.length && notes.readUInt32BE(at + 12) === GNU)
        for (let property = from; property + 12 <= Math.min(from + contentSize, notes.length); ) {
          if (all[property / 4] === X86_ISA_NEEDED) bits |= all[property / 4 + 2]!
          property += 8 + up(all[property / 4 + 1]!, unit)
        }
      at = from + up(contentSize, type === PROPERTIES ? unit : 4)
    }
  }
  const level = [3, 2, 1].find((bit) => (bits & (1 << bit)) !== 0)
  return level === undefined ? undefined : `v${level + 1}`
}

function up(size: number, to: number): number {
  return Math.ceil(size / to) * to
}
