import type { FileBytes, Program } from './types.ts'

const CPUS: Readonly<Record<number, string>> = {
  7: '386',
  12: 'arm',
  18: 'ppc',
  16777223: 'amd64',
  16777228: 'arm64',
  16777234: 'ppc64',
}
const MH_EXECUTE = 2
const FAT = 0xcafebabe
const FAT_64 = 0xcafebabf

/** What a program or library of Apple's systems is made for; a universal file for several architectures. */
export function readMachO(file: FileBytes): Program | undefined {
  const head = file.at(0, Math.min(32, file.size))
  if (!head || head.length < 16) return undefined
  const magic = head.readUInt32BE(0)
  if (magic === FAT || magic === FAT_64)
    return readUniversal(file, { count: head.readUInt32BE(4), entry: magic === FAT ? 20 : 32 })
  const little = magic === 0xcefaedfe || magic === 0xcffaedfe
  const word = (at: number) => (little ? head.readUInt32LE(at) : head.readUInt32BE(at))
  const architecture = CPUS[word(4)]
  if (architecture === undefined) return undefined
  return { format: 'macho', os: 'darwin', architecture, kind: word(12) === MH_EXECUTE ? 'program' : 'library' }
}

function readUniversal(
  file: FileBytes,
  { count, entry }: { readonly count: number; readonly entry: number },
): Program | undefined {
  const table = file.at(8, count * entry)
  if (!table) return undefined
  const all = Array.from({ length: count }, (_, index) => CPUS[table.readUInt32BE(index * entry)]).filter(
    (name) => name !== undefined,
  )
  const [architecture, ...more] = all
  if (architecture === undefined) return undefined
  return { format: 'macho', os: 'darwin', architecture, kind: 'program', ...(more.length > 0 ? { more } : {}) }
}
