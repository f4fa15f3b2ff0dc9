import { apkPackages, dpkgPackages, readRelease } from './distributions.ts'
import { npmPackages, pythonPackages } from './languages.ts'
import type { Found } from './types.ts'

/** How a file that lists packages is read. */
export interface Reader {
  /** Bytes of the file that are needed. */
  readonly limit: number
  /** A longer file is read to the limit; otherwise it is not read. */
  readonly beginning?: true
  read(text: string): Omit<Found, 'path'>
}

const MB = 1 << 20
const dpkg: Reader = { limit: 64 * MB, read: (text) => ({ packages: dpkgPackages(text) }) }
const apk: Reader = { limit: 64 * MB, read: (text) => ({ packages: apkPackages(text) }) }
const npm: Reader = { limit: 4 * MB, read: (text) => ({ packages: npmPackages(text) }) }
const python: Reader = { limit: 64 << 10, beginning: true, read: (text) => ({ packages: pythonPackages(text) }) }
const release: Reader = {
  limit: 64 << 10,
  read: (text) => {
    const found = readRelease(text)
    return found ? { release: found } : {}
  },
}
const rpm: Reader = { limit: 0, beginning: true, read: () => ({ unread: true }) }

const READERS: readonly (readonly [pattern: RegExp, reader: Reader])[] = [
  [/^var\/lib\/dpkg\/status$/, dpkg],
  [/^var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/, dpkg],
  [/^(?:usr\/)?lib\/apk\/db\/installed$/, apk],
  [/^(?:etc|usr\/lib)\/os-release$/, release],
  [/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/, npm],
  [/\.dist-info\/METADATA$/, python],
  [/\.egg-info(?:\/PKG-INFO)?$/, python],
  [/^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/(?:Packages|Packages\.db|rpmdb\.sqlite)$/, rpm],
]

/** How a file of an image is read, by its path without a slash at its beginning; most are not. */
export function readerOf(path: string): Reader | undefined {
  return READERS.find(([pattern]) => pattern.test(path))?.[1]
}
