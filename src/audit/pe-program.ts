import type { FileBytes, Program } from './types.ts'

/** Machines of Microsoft's PE format, by GOARCH. */
const MACHINES: Readonly<Record<number, string>> = {
  332: '386',
  34404: 'amd64',
  43620: 'arm64',
  448: 'arm',
  452: 'arm',
  20580: 'riscv64',
  25188: 'loong64',
}
const IMAGE_FILE_DLL = 0x2000
const SUBSYSTEM_EFI = [10, 11, 12, 13]
/** Index of the CLR header among the data directories: with it, the code is not for a CPU. */
const CLR_DIRECTORY = 14

/** What a Windows program or DLL is made for; nothing for DOS programs, managed code and firmware. */
export function readPe(file: FileBytes): Program | undefined {
  const dos = file.at(0, 64)
  const at = dos?.readUInt32LE(60)
  const coff = at === undefined ? undefined : file.at(at, 24)
  if (at === undefined || !coff || coff.readUInt32BE(0) !== 0x50450000) return undefined
  const architecture = MACHINES[coff.readUInt16LE(4)]
  const optional = file.at(at + 24, coff.readUInt16LE(20))
  if (architecture === undefined || !optional || optional.length < 72) return undefined
  if (SUBSYSTEM_EFI.includes(optional.readUInt16LE(68))) return undefined
  const directories = optional.readUInt16LE(0) === 0x20b ? 112 : 96
  const clr = directories + CLR_DIRECTORY * 8
  if (optional.length >= clr + 8 && optional.readUInt32LE(clr) !== 0) return undefined
  return {
    format: 'pe',
    os: 'windows',
    architecture,
    kind: (coff.readUInt16LE(22) & IMAGE_FILE_DLL) !== 0 ? 'library' : 'program',
  }
}
