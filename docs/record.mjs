// Runs commands in a terminal and writes what it showed as an animated SVG, with the real times:
//   node docs/record.mjs COMMANDS.txt OUT.svg
// A line of the file is a command of the shell. The program `script` of util-linux gives each a terminal.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import xterm from '@xterm/headless'

const COLUMNS = 120
const ROWS = 26
/** Pixels of a cell. */
const CELL = { width: 7.8, height: 17 }
/** Milliseconds: how often the screen is looked at, a key takes, and the end is shown. */
const PACE = { look: 120, key: 35, pause: 900, end: 6000 }
const FONT = "ui-monospace,'SFMono-Regular',Menlo,Consolas,'DejaVu Sans Mono',monospace"
// biome-ignore format: eight dark and eight bright colors
const PALETTE = [
  '#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4',
  '#6e7681', '#ffa198', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#ffffff',
]
const INK = '#e6edf3'
const PAPER = '#0d1117'

const [commandsFile, svgFile] = process.argv.slice(2)
const terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true, scrollback: 0 })
const frames = []
const begun = Date.now()
const looking = setInterval(look, PACE.look)
for (const command of readFileSync(commandsFile, 'utf8').split('\n').filter(Boolean)) {
  await write('\x1b[32m$\x1b[0m ')
  for (const key of command) {
    await write(key)
    await sleep(PACE.key)
  }
  await write('\r\n')
  await run(command)
  await sleep(PACE.pause)
}
clearInterval(looking)
look()
writeFileSync(svgFile, svgOf(frames, Date.now() - begun + PACE.end))

function write(data) {
  return new Promise((resolve) => terminal.write(data, resolve))
}

/** Shows what the command prints, when it prints it. Throws when it fails. */
async function run(command) {
  const asked = `stty cols ${COLUMNS} rows ${ROWS}; ${command}`
  const child = spawn('script', ['-qefc', asked, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', COLUMNS: `${COLUMNS}`, LINES: `${ROWS}` },
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  for await (const data of child.stdout) await write(data)
  const code = await ended
  if (code !== 0) throw new Error(`Cannot record "${command}": exit code ${code}`)
}

/** Adds the screen to the frames when it is not as it was. */
function look() {
  const lines = Array.from({ length: ROWS }, (_, row) => lineOf(terminal.buffer.active.getLine(row)))
  const screen = lines.join('\n')
  if (screen !== frames.at(-1)?.screen) frames.push({ at: Date.now() - begun, screen, lines })
}

/** The text of a line as SVG: a run of cells that look the same is one element. */
function lineOf(line) {
  const runs = []
  for (let column = 0; column < COLUMNS; column++) {
    const cell = line.getCell(column)
    const style = styleOf(cell)
    const chars = cell.getChars() || ' '
    if (runs.at(-1)?.style === style) runs.at(-1).text += chars
    else runs.push({ column, style, text: chars })
  }
  return runs
    .filter(({ text }) => text.trim() !== '')
    .map(({ column, style, text }) => {
      const shown = text.trimEnd()
      const length = `textLength="${round(shown.length * CELL.width)}" lengthAdjust="spacingAndGlyphs"`
      return `<text x="${round(column * CELL.width)}" ${length}${style}>${escaped(shown)}</text>`
    })
    .join('')
}

function styleOf(cell) {
  const color = cell.isFgRGB()
    ? `#${cell.getFgColor().toString(16).padStart(6, '0')}`
    : cell.isFgPalette()
      ? PALETTE[cell.getFgColor()]
      : undefined
  const bold = cell.isBold() ? ' font-weight="bold"' : ''
  const dim = cell.isDim() ? ' opacity="0.65"' : ''
  return `${color ? ` fill="${color}"` : ''}${bold}${dim}`
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function round(number) {
  return Math.round(number * 100) / 100
}

/** All frames, one below the other, of which the window shows one at a time. Each different line is written once. */
function svgOf(shown, duration) {
  const ids = new Map()
  for (const { lines } of shown)
    for (const line of lines) if (line !== '' && !ids.has(line)) ids.set(line, `l${ids.size}`)
  const height = ROWS * CELL.height
  const width = round(COLUMNS * CELL.width)
  const frame = ({ lines }, index) =>
    lines.map((line, row) =>
      line === '' ? '' : `<use href="#${ids.get(line)}" y="${round(index * height + (row + 1) * CELL.height - 4)}"/>`,
    )
  const steps = shown.map(
    ({ at }, index) => `${round((at / duration) * 100)}%{transform:translateY(${-round(index * height)}px)}`,
  )
  const last = `translateY(${-round((shown.length - 1) * height)}px)`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -12 ${width + 24} ${height + 24}" font-family="${FONT}" font-size="13">
<style>text{white-space:pre}.film{animation:film ${duration}ms steps(1,end) infinite}@keyframes film{${steps.join('')}100%{transform:${last}}}
@media(prefers-reduced-motion){.film{animation:none;transform:${last}}}</style>
<rect x="-12" y="-12" width="100%" height="100%" rx="8" fill="${PAPER}"/>
<defs>${[...ids].map(([line, id]) => `<g id="${id}">${line}</g>`).join('\n')}</defs>
<svg width="${width}" height="${height}"><g class="film" fill="${INK}">${shown.flatMap(frame).join('')}</g></svg>
</svg>
`
}
