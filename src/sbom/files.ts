import { apkPackages, dpkgPackages, readRelease } from './distributions.ts'
import { npmPackages, pythonPackages } from './languages.ts'
import { rpmPackages } from './rpm.ts'
import type { Found } from './types.ts'

/** How a file that lists packages is read. */
export interface Reader {
  /** Bytes of the file that are needed. */
  readonly limit: number
  /** A longer file is read to the limit; otherwise it is not read. */
  readonly beginning?: true
  read(data: Buffer): Omit<Found, 'path'>
}

const MB = 1 << 20
const textOf = (data: Buffer) => data.toString('utf8')
const dpkg: Reader = { limit: 64 * MB, read: (data) => ({ packages: dpkgPackages(textOf(data)) }) }
const apk: Reader = { limit: 64 * MB, read: (data) => ({ packages: apkPackages(textOf(data)) }) }
const npm: Reader = { limit: 4 * MB, read: (data) => ({ packages: npmPackages(textOf(data)) }) }
const python: Reader = {
  limit: 64 << 10,
  beginning: true,
  read: (data) => ({ packages: pythonPackages(textOf(data)) }),
}
const release: Reader = {
  limit: 64 << 10,
  read: (data) => {
    const found = readRelease(textOf(data))
    return found ? { release: found } : {}
  },
}
const rpm: Reader = { limit: 256 * MB, read: rpmPackages }
// Those of Berkeley DB and ndb, and what SQLite has not put into the file yet
const otherRpm: Reader = { limit: 1, beginning: true, read: (data) => (data.length > 0 ? { unread: true } : {}) }

const READERS: readonly (readonly [pattern: RegExp, reader: Reader])[] = [
  [/^var\/lib\/dpkg\/status$/, dpkg],
  [/^var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/, dpkg],
  [/^(?:usr\/)?lib\/apk\/db\/installed$/, apk],
  [/^(?:etc|usr\/lib)\/os-release$/, release],
  [/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/, npm],
  [/\.dist-info\/METADATA$/, python],
  [/\.egg-info(?:\/PKG-INFO)?$/, python],
  [/^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/rpmdb\.sqlite$/, rpm],
  [/^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/(?:Packages|Packages\.db|rpmdb\.sqlite-wal)$/, otherRpm],
]

/** How a file of an image is read, by its path without a slash at its beginning; most are not. */
export function readerOf(path: string): Reader | undefined {
  return READERS.find(([pattern]) => pattern.test(path))?.[1]
}
