import { readElfProgram } from './elf-program.ts'
import { readMachO } from './macho-program.ts'
import { readPe } from './pe-program.ts'
import type { FileBytes, Program } from './types.ts'

/** First bytes that are looked at before a file is known to be none of the formats. */
const MAGIC_BYTES = 8

/** Whether a file that begins so may be a program. */
export function mayBeProgram(head: Buffer): boolean {
  if (head.length < 4) return false
  const magic = head.readUInt32BE(0)
  return magic === 0x7f454c46 || magic >>> 16 === 0x4d5a || isMachO(head, magic)
}

function isMachO(head: Buffer, magic: number): boolean {
  if (magic === 0xfeedface || magic === 0xfeedfacf || magic === 0xcefaedfe || magic === 0xcffaedfe) return true
  // Java's classes begin so, too: their version is above 44, the number of architectures is far below
  return (
    (magic === 0xcafebabe || magic === 0xcafebabf) &&
    head.length >= 8 &&
    head.readUInt32BE(4) > 0 &&
    head.readUInt32BE(4) < 20
  )
}

/** What a file is made for; nothing for what is no program or library, or is damaged. */
export function readProgram(file: FileBytes): Program | undefined {
  const head = file.at(0, Math.min(file.size, MAGIC_BYTES))
  if (!head || !mayBeProgram(head)) return undefined
  try {
    if (head[0] === 0x7f) return readElfProgram(file)
    return head[0] === 0x4d ? readPe(file) : readMachO(file)
  } catch (error) {
    if (error instanceof RangeError) return undefined // it points outside of itself
    throw error
  }
}
