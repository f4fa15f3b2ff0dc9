import { BadDatabase, tableRows } from './sqlite.ts'
import { fieldOf, MAX_PACKAGES } from './text.ts'
import type { Found, Package } from './types.ts'

/** Tags of a header (rpm, docs/manual/tags.md). */
const TAG = { name: 1000, version: 1001, release: 1002, epoch: 1003, license: 1014, arch: 1022, source: 1044 } as const
const INT32 = 4
const STRING = 6
/** A header of more fields, or with a longer text, is none. */
const MAX_FIELDS = 0x10000
const MAX_TEXT = 4096

/** The packages of rpm's database in SQLite: a header each. A database that cannot be read lists nothing. */
export function rpmPackages(file: Buffer): Omit<Found, 'path'> {
  const packages: Package[] = []
  try {
    for (const [, blob] of tableRows(file, 'Packages')) {
      const found = Buffer.isBuffer(blob) ? packageOf(blob) : undefined
      if (found) packages.push(found)
      if (packages.length > MAX_PACKAGES) break
    }
  } catch (error) {
    if (error instanceof BadDatabase) return { unread: true }
    throw error
  }
  return { packages }
}

/** A header as the database has it: counts, an index of fields, and their values (rpm, docs/manual/format_header.md). */
function packageOf(header: Buffer): Package | undefined {
  if (header.length < 8) return undefined
  const count = header.readUInt32BE(0)
  const values = 8 + count * 16
  if (count > MAX_FIELDS || values > header.length) return undefined
  const fields = new Map<number, { readonly type: number; readonly at: number }>()
  for (let index = 0; index < count; index++) {
    const entry = 8 + index * 16
    const tag = header.readUInt32BE(entry)
    if (!fields.has(tag))
      fields.set(tag, { type: header.readUInt32BE(entry + 4), at: values + header.readUInt32BE(entry + 8) })
  }
  const text = (tag: number) => {
    const field = fields.get(tag)
    if (field?.type !== STRING) return undefined
    const end = header.indexOf(0, field.at)
    return end < field.at || end - field.at > MAX_TEXT ? undefined : fieldOf(header.toString('utf8', field.at, end))
  }
  const epoch = fields.get(TAG.epoch)
  const [name, version, release] = [text(TAG.name), text(TAG.version), text(TAG.release)]
  // A key that packages are checked with stands among them
  if (name === undefined || version === undefined || name === 'gpg-pubkey') return undefined
  const number = epoch?.type === INT32 && epoch.at + 4 <= header.length ? header.readUInt32BE(epoch.at) : 0
  const [architecture, license, source] = [text(TAG.arch), text(TAG.license), text(TAG.source)]
  return {
    ecosystem: 'rpm',
    name,
    version: `${number > 0 ? `${number}:` : ''}${version}${release === undefined ? '' : `-${release}`}`,
    ...(architecture ? { architecture } : {}),
    ...(license ? { license } : {}),
    ...(source ? { source } : {}),
  }
}
