import { withoutLogins } from '../dockerfile/show-url.ts'
import type { Diagnostic, SourcePosition, XbuildError } from '../errors.ts'
import { cleanLine, cleanText, count, createPaint, type Paint } from './text.ts'

/** How errors are shown. */
export interface ErrorStyle {
  readonly color: boolean
  /** Adds the chain of causes with their stacks. */
  readonly debug?: boolean
  /** Text of a file, for the lines around a position; undefined when it cannot be read. */
  readonly readFile?: (path: string) => string | undefined
}

/** What a failed build knows about each platform; any error class may carry it. */
interface PlatformFailure {
  readonly platform: string
  readonly error: XbuildError
}

const OUTPUT_LINES = 20
const AROUND = 2
const FAULT_HINT = 'This is a bug in xbuild: run again with --debug and report what it prints'

/**
 * An error as the paragraph a user reads last: what, where, which platform, last output, the way out. Ends in a
 * newline. URLs in it hold no passwords.
 */
export function formatError(error: XbuildError, style: ErrorStyle): string {
  const paint = createPaint(style.color)
  const failures = grouped(failuresOf(error))
  const blocks = failures.map(({ platforms, error: failure }) => formatOne(failure, style, paint, platforms))
  if (failures.length !== 1) blocks.push(formatOne(error, style, paint, []))
  return `${withoutLogins(blocks.join('\n\n'))}\n`
}

/** Problems of a text, each with its line, in the order given. Ends in a newline. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], style: ErrorStyle): string {
  const paint = createPaint(style.color)
  const text = diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic, style, paint).join('\n')}\n`).join('')
  return withoutLogins(text)
}

function formatOne(error: XbuildError, style: ErrorStyle, paint: Paint, platforms: readonly string[]): string {
  const diagnostics = diagnosticsOf(error)
  if (diagnostics.length > 0) return formatSummed(error, diagnostics, style, paint)
  const lines = [`${paint('red', 'error:')} ${paint('bold', cleanText(error.message))}`]
  if (platforms.length > 0) lines.push(`  platform: ${platforms.join(', ')}`)
  if (error.at) lines.push(...formatPlace(error.at, style, paint))
  const output = error.output?.slice(-OUTPUT_LINES) ?? []
  if (output.length > 0)
    lines.push('  last output:', ...output.map((line) => `    ${paint('dim', '│')} ${cleanLine(line)}`))
  const hint = error.hint ?? (error.code === 'INTERNAL' && !style.debug ? FAULT_HINT : undefined)
  if (hint) lines.push(`  ${paint('cyan', 'hint:')} ${cleanText(hint)}`)
  if (style.debug) lines.push(...formatCauses(error, paint))
  return lines.join('\n')
}

// The problems first, and last how many there are: the end is what stays in sight
function formatSummed(error: XbuildError, diagnostics: readonly Diagnostic[], style: ErrorStyle, paint: Paint): string {
  const summary =
    error.message === diagnostics[0]?.message ? (error.hint ?? count(diagnostics.length, 'problem')) : error.message
  const blocks = diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, style, paint).join('\n'))
  return [...blocks, `${paint('red', 'error:')} ${paint('bold', cleanText(summary))}`].join('\n\n')
}

function formatDiagnostic(
  { severity, message, hint, at, rule }: Diagnostic,
  style: ErrorStyle,
  paint: Paint,
): string[] {
  const head = `${paint(severity === 'error' ? 'red' : 'yellow', `${severity}:`)} ${cleanText(message)} ${paint('dim', `(${rule})`)}`
  return [head, ...formatPlace(at, style, paint), ...(hint ? [`  ${paint('cyan', 'hint:')} ${cleanText(hint)}`] : [])]
}

function formatPlace(
  { file, line, column, endLine = line }: SourcePosition,
  { readFile }: ErrorStyle,
  paint: Paint,
): string[] {
  const source = readFile?.(file)?.replace(/\n$/, '').split('\n')
  const place = `  at ${cleanLine(file)}:${line}${column === undefined ? '' : `:${column}`}`
  if (!source || source[line - 1] === undefined) return [place]
  const last = Math.min(endLine, line + 9, source.length) // a heredoc may be long
  const from = Math.max(1, line - AROUND)
  const to = Math.min(source.length, last + AROUND)
  const width = String(to).length
  return [
    place,
    ...source.slice(from - 1, to).map((text, i) => {
      const number = from + i
      const row = `${String(number).padStart(width)} | ${cleanLine(text, 160)}`.trimEnd()
      return number >= line && number <= last ? `  ${paint('red', '>')} ${row}` : `    ${paint('dim', row)}`
    }),
  ]
}

function formatCauses(error: XbuildError, paint: Paint): string[] {
  const lines = error.stack ? [...stackLines(error)] : []
  const seen = new Set<unknown>([error])
  for (
    let cause = error.cause;
    cause !== undefined && cause !== null && !seen.has(cause);
    cause = (cause as Error).cause
  ) {
    seen.add(cause)
    lines.push(
      `  ${paint('dim', 'caused by:')} ${cleanText(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause))}`,
    )
    if (cause instanceof Error) lines.push(...stackLines(cause))
  }
  return lines
}

function stackLines(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => `  ${cleanLine(line)}`)
}

// The same step may serve several platforms: its failure is told once
function grouped(failures: readonly PlatformFailure[]): { platforms: string[]; error: XbuildError }[] {
  const groups = new Map<string, { platforms: string[]; error: XbuildError }>()
  for (const { platform, error } of failures) {
    const key = JSON.stringify([error.message, error.at, error.output])
    const group = groups.get(key)
    if (group) group.platforms.push(platform)
    else groups.set(key, { platforms: [platform], error })
  }
  return [...groups.values()]
}

function failuresOf(error: XbuildError): readonly PlatformFailure[] {
  return 'failures' in error && Array.isArray(error.failures) ? (error.failures as PlatformFailure[]) : []
}

function diagnosticsOf(error: XbuildError): readonly Diagnostic[] {
  return 'diagnostics' in error && Array.isArray(error.diagnostics) ? (error.diagnostics as Diagnostic[]) : []
}
