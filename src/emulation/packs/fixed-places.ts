import type { Segment } from './elf.ts'

/** `mov` of a constant to a register of 32 bits: Intel's manual, volume 2. */
const isMove = (code: number | undefined) => code !== undefined && code >= 0xb8 && code <= 0xbf

/**
 * Every place that names an address in a program that lies where it was linked for: constants in code, and words in
 * data. Nothing when these bytes stand anywhere else, too.
 */
export function placesOfFixed(file: Buffer, loaded: readonly Segment[], wanted: number): number[] | undefined {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(wanted)
  const found: number[] = []
  for (const { offset, size, executable } of loaded) {
    for (let at = file.indexOf(bytes, offset); at >= 0 && at + 4 <= offset + size; at = file.indexOf(bytes, at + 1)) {
      const isWord = at % 8 === 0 && at + 8 <= offset + size && file.readUInt32LE(at + 4) === 0
      if (executable ? !isMove(file[at - 1]) : !isWord) return undefined
      found.push(at)
    }
  }
  return found
}
