import type { NodeReport, NodeState } from '../nodes/report.ts'
import type { Emulated } from '../plan/types.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import { cleanLine, cut, formatBytes } from './text.ts'

const HEAD = ['NAME', 'ENDPOINT', 'DRIVER', 'VERSION', 'NATIVE', 'EMULATED', 'LOAD', 'CACHE']

/**
 * Nodes as a table, those that take part by themselves marked with `*`; under it why others do not answer. Ends in a
 * newline.
 */
export function formatNodes(nodes: readonly NodeReport[]): string {
  const rows = [HEAD, ...nodes.map(rowOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  const lost = nodes.flatMap(({ name, state }) =>
    state.status === 'lost'
      ? [cleanLine(`${name}: ${state.because}`), ...(state.hint ? [cleanLine(`  hint: ${state.hint}`)] : [])]
      : [],
  )
  return `${[...lines, ...(lost.length > 0 ? ['', ...lost] : [])].join('\n')}\n`
}

/** One node with everything that is known of it. Ends in a newline. */
export function formatNode({ name, endpoint, origin, used, slots, state }: NodeReport): string {
  const rows: (readonly [string, string])[] = [
    ['Name', name],
    ['Endpoint', endpoint],
    ['Defined in', origin],
    ['Takes part', used ? 'in every build' : 'when it is named with --builder'],
    ['Slots', String(slots)],
    ...(state.status === 'lost' ? lostRows(state) : readyRows(state, slots)),
  ]
  const width = Math.max(...rows.map(([head]) => head.length)) + 2
  return `${rows.map(([head, text]) => cleanLine(`${`${head}:`.padEnd(width)}${text}`).trimEnd()).join('\n')}\n`
}

/** Nodes as JSON, for machines. Sizes are bytes. Ends in a newline. */
export function nodesJson(nodes: readonly NodeReport[]): string {
  const shown = nodes.map(({ state, ...node }) => ({
    ...node,
    ...(state.status === 'lost'
      ? state
      : {
          ...state,
          native: state.native.map(formatPlatform),
          emulated: state.emulated.map((entry) => ({ ...entry, platform: formatPlatform(entry.platform) })),
        }),
  }))
  return `${JSON.stringify(shown, null, 2)}\n`
}

function rowOf({ name, endpoint, used, slots, state }: NodeReport): string[] {
  const start = [`${name}${used ? '*' : ''}`, cut(endpoint, 60)]
  if (state.status === 'lost') return [...start, 'no answer', '', '', '', '', ''].map((cell) => cleanLine(cell))
  const { driver, version, native, emulated, load, cache } = state
  const ready = emulated.flatMap(({ platform, status }) => (status === 'ready' ? [platform] : []))
  const open = emulated.some((entry) => entry.status === 'missing' && entry.timedOut)
  const cells = [
    ...start,
    driver,
    version,
    short(native),
    `${short(ready)}${open ? (ready.length > 0 ? ', ?' : '?') : ''}` || '-',
    `${load.running}/${slots}`,
    cache === undefined ? '?' : formatBytes(cache),
  ]
  return cells.map((cell) => cleanLine(cell))
}

function lostRows({ because, hint }: NodeState & { status: 'lost' }): (readonly [string, string])[] {
  return [['State', because], ...(hint ? [['Hint', hint] as const] : [])]
}

function readyRows(
  { driver, version, native, emulated, load, cache, containerdStore }: NodeState & { status: 'ready' },
  slots: number,
): (readonly [string, string])[] {
  return [
    ['Driver', driver === 'docker' ? 'docker (an engine without BuildKit)' : driver],
    ['Version', version],
    ['Load', `${load.running} of ${slots}, counted ${load.counted}`],
    ['Cache', cache === undefined ? 'not known' : formatBytes(cache)],
    ...(driver === 'embedded'
      ? []
      : [
          [
            'Image store',
            containerdStore ? 'several platforms under one name' : 'one platform under one name',
          ] as const,
        ]),
    ['Native', list(native)],
    ...emulated.map((entry): readonly [string, string] => [
      formatPlatform(entry.platform),
      entry.status === 'ready' ? `runs under ${entry.emulator}${nativeOf(entry)}` : `${entry.reason} (${entry.hint})`,
    ]),
  ]
}

/** Native toolchains for its steps, where the node was defined with packs. */
function nativeOf({ toolchains }: Emulated & { status: 'ready' }): string {
  if (!toolchains) return ''
  const { packs, refused } = toolchains
  return packs.length > 0
    ? `; natively where a step starts them: ${packs.join(', ')}`
    : `; nothing natively: ${refused.join('; ')}`
}

/** Variants of one architecture as a number. */
function short(platforms: readonly Platform[]): string {
  const names = platforms.map(({ os, architecture }) => `${os}/${architecture}`)
  return platforms
    .flatMap((platform, index) => {
      const more = names.filter((name) => name === names[index]).length - 1
      return names.indexOf(names[index]!) === index
        ? [`${formatPlatform(platform)}${more > 0 ? ` (+${more})` : ''}`]
        : []
    })
    .join(', ')
}

function list(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatform).join(', ')
}
