import { fieldOf, linesOf, MAX_PACKAGES, paragraphs } from './text.ts'
import type { Package, Release } from './types.ts'

/** The packages of dpkg's database (deb-control(5), dpkg(1)): those that are installed, also in part. */
export function dpkgPackages(text: string): Package[] {
  const found: Package[] = []
  for (const fields of paragraphs(text)) {
    const name = fieldOf(fields.get('package'))
    const version = fieldOf(fields.get('version'))
    const state = fields.get('status')?.split(/\s+/)[2] ?? 'installed'
    if (name === undefined || version === undefined || state === 'not-installed' || state === 'config-files') continue
    const architecture = fieldOf(fields.get('architecture'))
    const source = sourceOf(fieldOf(fields.get('source')), name, version)
    found.push({ ecosystem: 'deb', name, version, ...(architecture ? { architecture } : {}), ...source })
    if (found.length > MAX_PACKAGES) break
  }
  return found
}

/** `glibc (2.36-9)` or `glibc`. */
function sourceOf(text: string | undefined, name: string, version: string): { readonly source?: string } {
  const [, source, other] = /^(\S+)(?:\s+\((\S+)\))?$/.exec(text ?? '') ?? []
  if (source === undefined || (source === name && (other ?? version) === version)) return {}
  return { source: other === undefined ? source : `${source} ${other}` }
}

/** The packages of apk's database: a letter, a colon and a value a line (apk-tools, `lib/apk/db/installed`). */
export function apkPackages(text: string): Package[] {
  const found: Package[] = []
  let fields = new Map<string, string>()
  const close = () => {
    const name = fieldOf(fields.get('P'))
    const version = fieldOf(fields.get('V'))
    const architecture = fieldOf(fields.get('A'))
    const license = fieldOf(fields.get('L'))
    const origin = fieldOf(fields.get('o'))
    if (fields.size > 0) fields = new Map()
    if (name === undefined || version === undefined) return
    found.push({
      ecosystem: 'apk',
      name,
      version,
      ...(architecture ? { architecture } : {}),
      ...(license ? { license } : {}),
      ...(origin && origin !== name ? { source: origin } : {}),
    })
  }
  for (const line of linesOf(text)) {
    if (line === '') close()
    else if (line[1] === ':' && !fields.has(line[0]!)) fields.set(line[0]!, line.slice(2))
    if (found.length > MAX_PACKAGES) break
  }
  close()
  return found
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
