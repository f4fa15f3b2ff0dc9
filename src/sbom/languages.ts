import { fieldOf, fieldsOf } from './text.ts'
import type { Package } from './types.ts'

/** The package of a `package.json` in `node_modules`. */
export function npmPackages(text: string): Package[] {
  let json: unknown
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    return []
  }
  if (typeof json !== 'object' || json === null) return []
  const fields = json as Readonly<Record<string, unknown>>
  const name = fieldOf(fields['name'])
  const version = fieldOf(fields['version'])
  if (name === undefined || version === undefined || !/^(?:@[^/\s]+\/)?[^/\s]+$/.test(name)) return []
  const license = npmLicense(fields['license']) ?? oldLicense(fields['licenses'])
  return [{ ecosystem: 'npm', name, version, ...(license ? { license } : {}) }]
}

function npmLicense(value: unknown): string | undefined {
  return fieldOf(value) ?? fieldOf((value as { type?: unknown } | null | undefined)?.type)
}

/** What npm wanted before it knew expressions: a list, of which nothing says whether one or all are meant. */
function oldLicense(value: unknown): string | undefined {
  return Array.isArray(value) && value.length === 1 ? npmLicense(value[0]) : undefined
}

/** The package of a `METADATA` or `PKG-INFO` (Python core metadata); its name is normalized (PEP 503). */
export function pythonPackages(text: string): Package[] {
  const [header = ''] = text.split(/\r?\n\r?\n/, 1)
  const fields = fieldsOf(header.replaceAll('\r', ''))
  const name = fieldOf(fields.get('name'))
  const version = fieldOf(fields.get('version'))
  if (name === undefined || version === undefined || !/^[A-Za-z0-9._-]+$/.test(name)) return []
  const license = fieldOf(fields.get('license-expression')) ?? fieldOf(fields.get('license'))
  const isKnown = license !== undefined && license !== 'UNKNOWN' // what setuptools writes for none
  const normalized = name.toLowerCase().replaceAll(/[-_.]+/g, '-')
  return [{ ecosystem: 'pypi', name: normalized, version, ...(isKnown ? { license } : {}) }]
}

/** Modules are listed line by line, between marks of 16 bytes (Go's runtime/debug and cmd/go/internal/modload). */
const MARK = 16

/**
 * The modules of a Go program, of what follows `\xff Go buildinf:` in it: the module itself and those it was made of,
 * and the standard library with Go's version (Go's debug/buildinfo, the form of Go 1.18 and later).
 */
export function goPackages(info: Buffer): Package[] {
  const isInline = ((info[15] ?? 0) & 2) !== 0
  if (!isInline) return []
  const version = readText(info, 32)
  const modules = version && readText(info, version.end)
  if (!version) return []
  const [, number] = /^go(\d\S*)/.exec(version.text) ?? []
  const standard: Package[] = number === undefined ? [] : [{ ecosystem: 'golang', name: 'stdlib', version: number }]
  const lines = (modules?.text ?? '').slice(MARK, -MARK).split('\n')
  const found: Package[] = []
  for (const line of lines) {
    const [kind, path, at] = line.split('\t')
    const name = fieldOf(path)
    const release = fieldOf(at) ?? '(devel)'
    if (name === undefined) continue
    // `=>` says what is in the place of the line before
    if (kind === '=>') found.pop()
    if (kind === 'mod' || kind === 'dep' || kind === '=>') found.push({ ecosystem: 'golang', name, version: release })
  }
  return [...standard, ...found]
}

/** A length as a varint, and as many bytes of text. */
function readText(bytes: Buffer, from: number): { readonly text: string; readonly end: number } | undefined {
  let length = 0
  for (let at = from, shift = 0; at < bytes.length && shift < 28; at += 1, shift += 7) {
    length |= (bytes[at]! & 0x7f) << shift
    if (bytes[at]! < 0x80) {
      const end = at + 1 + length
      return end > bytes.length ? undefined : { text: bytes.toString('utf8', at + 1, end), end }
    }
  }
  return undefined
}
