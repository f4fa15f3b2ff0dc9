import { PT_NOTE, type Numbers, type Segment } from './elf-headers.ts'
import type { FileBytes } from './types.ts'

const X86_ISA_NEEDED = 0xc0008002
/** More notes than any real file has. Bytes. */
const MAX_NOTES = 1 << 16

/**
 * The level of the x86-64 psABI that a program needs, from its `.note.gnu.property` (NT_GNU_PROPERTY_TYPE_0,
 * GNU_PROPERTY_X86_ISA_1_NEEDED).
 */
export function isaLevel(file: FileBytes, { wide, word }: Numbers, segments: readonly Segment[]): string | undefined {
  const unit = wide ? 8 : 4
  const up = (size: number, to: number) => Math.ceil(size / to) * to
  let bits = 0
  for (const { offset, size } of segments.filter(({ type }) => type === PT_NOTE)) {
    const notes = size > MAX_NOTES ? undefined : file.at(offset, size)
    if (!notes) continue
    for (let at = 0; at + 12 <= notes.length; ) {
      const [nameSize, contentSize, type] = [word(notes, at), word(notes, at + 4), word(notes, at + 8)]
      const from = at + 12 + up(nameSize, 4)
      if (type === 5 && notes.toString('latin1', at + 12, at + 16) === 'GNU\0')
        for (let property = from; property + 12 <= Math.min(from + contentSize, notes.length); ) {
          const length = word(notes, property + 4)
          if (word(notes, property) === X86_ISA_NEEDED) bits |= word(notes, property + 8)
          property += 8 + up(length, unit)
        }
      at = from + up(contentSize, type === 5 ? unit : 4)
    }
  }
  const level = [3, 2, 1].find((bit) => (bits & (1 << bit)) !== 0)
  return level === undefined ? undefined : `v${level + 1}`
}
