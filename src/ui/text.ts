import { stripVTControlCharacters } from 'node:util'

const COLORS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
export type Color = keyof typeof COLORS
export type Paint = (color: Color, text: string) => string

/** Colours a text, or leaves it alone when colours are off. */
export function createPaint(on: boolean): Paint {
  return (color, text) =>
    on && text !== '' ? `\x1b[${COLORS[color]}m${text}\x1b[${color === 'bold' || color === 'dim' ? 22 : 39}m` : text
}

/** Whether to colour what goes to a stream (no-color.org). */
export function wantsColor(isTTY: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}

/**
 * One line of text from outside, safe to print: no escape sequences, no control or direction-changing characters.
 * Of a line that a program redrew with carriage returns the last state stays; tabs become spaces.
 */
export function cleanLine(text: string, limit = 2000): string {
  const bounded = text.length > 4 * limit ? text.slice(0, 4 * limit) : text
  const plain = lastRedraw(stripVTControlCharacters(bounded)).replaceAll('\t', '    ')
  return cut(plain.replace(UNSAFE, ''), limit)
}

/** A text of several lines, each made safe. Nothing that others say takes away what stands before it. */
export function cleanText(text: string): string {
  return text
    .split(/\r?\n|\r/)
    .map((line) => cleanLine(line))
    .join('\n')
}

/** At most `limit` characters; a text that was cut ends in an ellipsis. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, Math.max(0, limit - 1)).replace(/[\ud800-\udbff]$/, '')}…`
}

/** Milliseconds as `0.3s`, `12.1s`, `2m 05s`, `1h 02m`. */
export function formatDuration(ms: number): string {
  const tenths = Math.max(0, Math.round(ms / 100))
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`
  const seconds = Math.round(tenths / 10)
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`
  return `${Math.floor(seconds / 3600)}h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`
}

/** Bytes as `999 B`, `1.5 kB`, `12.3 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 999.95 || (unit === 'B' && value < 1000))
      return unit === 'B' ? `${value} B` : `${value.toFixed(1)} ${unit}`
    value /= 1000
  }
  return `${value.toFixed(1)} TB`
}

/** `1 step`, `3 steps`. */
export function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`
}

/** Control and direction-changing characters. */
export const UNSAFE: RegExp = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

function lastRedraw(line: string): string {
  return line.split('\r').findLast((part) => part.trim() !== '') ?? ''
}
