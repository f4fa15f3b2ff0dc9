import { parseDuration } from '../dockerfile/duration.ts'
import { suggest } from '../did-you-mean.ts'
import type { StoreFilter } from './store-options.ts'
import { badValue } from './values.ts'

const UNITS = ['', 'k', 'm', 'g', 't', 'p']
const TYPES = [
  'image',
  'base',
  'step',
  'record',
  'context',
  'mount',
  'snapshot',
  'blob',
  'pack',
  'download',
  'run',
  'temporary',
]
const KEYS = ['until', 'id', 'type', 'description'] as const

/** Bytes as docker reads them: `20GB`, `512m`, `1.5GiB`, `1000`; a kilobyte has 1024. Throws BAD_OPTION. */
export function parseSize(text: string, label: string): number {
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?) ?(?:([kmgtp])(?:i?b)?|b)?$/i.exec(text.trim()) ?? []
  const bytes =
    digits === undefined ? Number.NaN : Math.round(Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase()))
  if (!Number.isSafeInteger(bytes)) throw badValue(label, text, 'not a size', 'Write it like 20GB or 512MB')
  return bytes
}

/** A duration in milliseconds: `24h`, `1h30m`, `90s`, and `7d` beside what Go knows. Throws BAD_OPTION. */
export function parseAge(text: string, label: string): number {
  const days = /^(\d{1,6})d$/.exec(text)?.[1]
  const nanoseconds = days === undefined ? parseDuration(text) : Number(days) * 86_400e9
  if (nanoseconds === undefined) throw badValue(label, text, 'not a duration', 'Write it like 24h, 90m or 7d')
  return Math.round(nanoseconds / 1e6)
}

/** One `--filter KEY=VALUE`; `!=` and `~=` (contains) too, but for `until`. Throws BAD_OPTION. */
export function parseFilter(text: string, label: string): StoreFilter {
  const [, name = '', operator = '', value = ''] = /^([a-z]+)(=|!=|~=)(.*)$/s.exec(text) ?? []
  const key = KEYS.find((known) => known === name)
  if (!key) {
    const near = suggest(name || text, KEYS)
    throw badValue(
      label,
      text,
      'not a filter',
      near ? `Did you mean ${near}=?` : `The filters are ${KEYS.map((known) => `${known}=`).join(', ')}`,
    )
  }
  if (key === 'until') {
    if (operator !== '=') throw badValue(label, text, `until has no "${operator}"`, 'Write it like until=24h')
    return { key, age: parseAge(value, label) }
  }
  if (key === 'type' && operator !== '~=' && !TYPES.includes(value)) {
    const near = suggest(value, TYPES)
    throw badValue(
      label,
      text,
      `unknown type "${value}"`,
      near ? `Did you mean type=${near}?` : `The types are ${TYPES.join(', ')}`,
    )
  }
  return { key, operator: operator as '=' | '!=' | '~=', value }
}
