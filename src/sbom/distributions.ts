import { fieldOf, paragraphs } from './text.ts'
import type { Package, Release } from './types.ts'

/** The packages of dpkg's database (deb-control(5), dpkg(1)): those that are installed, also in part. */
export function dpkgPackages(text: string): Package[] {
  return paragraphs(text).flatMap((fields) => {
    const name = fieldOf(fields.get('package'))
    const version = fieldOf(fields.get('version'))
    const state = fields.get('status')?.split(/\s+/)[2] ?? 'installed'
    if (name === undefined || version === undefined || state === 'not-installed' || state === 'config-files') return []
    const architecture = fieldOf(fields.get('architecture'))
    const source = sourceOf(fieldOf(fields.get('source')), name, version)
    return [
      {
        ecosystem: 'deb' as const,
        name,
        version,
        ...(architecture ? { architecture } : {}),
        ...source,
      },
    ]
  })
}

/** `glibc (2.36-9)` or `glibc`. */
function sourceOf(text: string | undefined, name: string, version: string): { readonly source?: string } {
  const [, source, other] = /^(\S+)(?:\s+\((\S+)\))?$/.exec(text ?? '') ?? []
  if (source === undefined || (source === name && (other ?? version) === version)) return {}
  return { source: other === undefined ? source : `${source} ${other}` }
}

/** The packages of apk's database: a letter, a colon and a value a line (apk-tools, `lib/apk/db/installed`). */
export function apkPackages(text: string): Package[] {
  return text.split(/\n\n/).flatMap((paragraph) => {
    const fields = new Map(
      paragraph
        .split('\n')
        .filter((line) => line[1] === ':')
        .map((line) => [line[0]!, line.slice(2)] as const)
        .toReversed(), // the first one of a letter counts
    )
    const name = fieldOf(fields.get('P'))
    const version = fieldOf(fields.get('V'))
    if (name === undefined || version === undefined) return []
    const architecture = fieldOf(fields.get('A'))
    const license = fieldOf(fields.get('L'))
    const origin = fieldOf(fields.get('o'))
    return [
      {
        ecosystem: 'apk' as const,
        name,
        version,
        ...(architecture ? { architecture } : {}),
        ...(license ? { license } : {}),
        ...(origin && origin !== name ? { source: origin } : {}),
      },
    ]
  })
}

/** What distribution it is (os-release(5)). */
export function readRelease(text: string): Release | undefined {
  const value = (key: string) => {
    const line = text.split('\n').findLast((one) => one.startsWith(`${key}=`))
    return fieldOf(line?.slice(key.length + 1).replace(/^(['"])(.*)\1$/, '$2'))
  }
  const id = value('ID')
  const version = value('VERSION_ID')
  return id === undefined || !/^[a-z0-9._-]+$/.test(id) ? undefined : { id, ...(version ? { version } : {}) }
}
