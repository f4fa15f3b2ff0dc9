import { compact } from '../compact.ts'
import type { Diagnostic, SourcePosition } from '../errors.ts'
import { withoutNewline, type Escape, type LineReader } from './lines.ts'
import type { Dockerfile } from './types.ts'

type Directives = Dockerfile['directives']

const KEYS: ReadonlySet<string> = new Set(['syntax', 'escape', 'check'])

/** Reads the `# key=value` lines at the top of a Dockerfile; the first other line ends them. */
export function readDirectives(
  reader: LineReader,
  file: string,
): { directives: Directives; diagnostics: Diagnostic[] } {
  const values = new Map<string, string>()
  const places: { syntax?: SourcePosition; check?: SourcePosition } = {}
  const diagnostics: Diagnostic[] = []
  if (reader.peek()?.raw.startsWith('#!')) reader.next()
  for (let line = reader.peek(); line; line = reader.peek()) {
    const directive = parseDirective(withoutNewline(line.raw))
    if (!directive) break
    reader.next()
    const at = { file, line: line.number }
    if (values.has(directive.key)) {
      const message = `Cannot use directive "${directive.key}": it is given twice`
      diagnostics.push({ rule: 'duplicate-directive', severity: 'error', message, hint: 'Keep one of them', at })
    } else if (directive.key === 'escape' && directive.value !== '\\' && directive.value !== '`') {
      const message = `Cannot use escape character "${directive.value}": it is neither \\ nor \``
      diagnostics.push({
        rule: 'bad-directive',
        severity: 'error',
        message,
        hint: 'Write # escape=\\ or # escape=`',
        at,
      })
    } else {
      values.set(directive.key, directive.value)
      if (directive.key === 'syntax' || directive.key === 'check') places[directive.key] = at
    }
  }
  const syntax = values.get('syntax')
  const check = values.get('check')
  const directives = {
    ...compact({ syntax }),
    escape: (values.get('escape') ?? '\\') as Escape,
    ...compact({ check }),
    ...(syntax === undefined && check === undefined ? {} : { at: places }),
  }
  return { directives, diagnostics }
}

function parseDirective(line: string): { key: string; value: string } | undefined {
  const text = line.trim()
  if (!text.startsWith('#')) return undefined
  const equals = text.indexOf('=')
  if (equals === -1) return undefined
  const key = text.slice(1, equals).trim().toLowerCase()
  const value = text.slice(equals + 1).trim()
  return KEYS.has(key) && value !== '' ? { key, value } : undefined
}
