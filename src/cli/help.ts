import type { Flag } from '../config/flag.ts'
import type { Command } from './command.ts'

const WIDTH = 110

/** Environment variables that builds read. */
export const ENVIRONMENT: readonly (readonly [name: string, help: string])[] = [
  ['DOCKER_DEFAULT_PLATFORM', 'Value of --platform'],
  ['BUILDKIT_PROGRESS', 'Value of --progress'],
  [
    'SOURCE_DATE_EPOCH',
    'Latest time stamp in the image, in seconds since 1970; "context" is the time of its commit or download',
  ],
  ['XBUILD_HOME', 'Value of --store'],
  ['XDG_CONFIG_HOME', 'Folder of xbuild/config.yaml, your own settings for every build; default: ~/.config'],
  ['DOCKER_CONFIG', 'Folder of config.json with the credentials of registries; default: ~/.docker'],
  ['DOCKER_HOST, BUILDKIT_HOST', 'Machines that take part in every build'],
  ['DOCKER_BUILDKIT', 'Set to 0: Docker Engines build without BuildKit'],
  ['NO_COLOR', 'Set to any value: no colours'],
]

/** The text of `xbuild help`, or of `xbuild help COMMAND`. Made of the table of commands; ends in a newline. */
export function formatHelp(commands: readonly Command[], topic?: string): string {
  const command = commands.find(({ name }) => name === topic)
  if (command) return formatCommand(command)
  const [build] = commands
  const list = `Commands:\n${formatRows(commands.map(({ usage, help }) => [usage, help]))}`
  const intro = 'Usage: xbuild [COMMAND] [OPTIONS] PATH\n\nOne Dockerfile, one image for every platform.\n'
  return [intro, list, ...formatParts(build!)].join('\n')
}

function formatCommand(command: Command): string {
  return [`Usage: ${command.usage}\n\n${command.help}\n`, ...formatParts(command)].join('\n')
}

function formatParts({ flags, isLong, examples }: Command): readonly string[] {
  const shown = flags.filter(({ hidden }) => !hidden)
  const options = isLong
    ? [
        `Options:\n${formatFlags(shown.filter(({ group }) => group === 'common'))}`,
        `Advanced options:\n${formatFlags(shown.filter(({ group }) => group === 'advanced'))}`,
        `Environment:\n${formatRows(ENVIRONMENT)}`,
      ]
    : [`Options:\n${formatFlags(shown)}`]
  return [...options, ...(examples === undefined ? [] : [examples])]
}

function formatFlags(flags: readonly Flag<unknown>[]): string {
  return formatRows(flags.map((flag) => [flagHead(flag), flagHelp(flag)]))
}

function flagHead({ name, short, placeholder }: Flag<unknown>): string {
  return `${short ? `-${short}, ` : '    '}--${name}${placeholder ? ` ${placeholder}` : ''}`
}

/** What help says of a flag, with its default. */
export function flagHelp(flag: Flag<unknown>): string {
  const notes = [flag.default ? `default: ${flag.default}` : '', flag.repeat ? 'may be repeated' : ''].filter(Boolean)
  return notes.length > 0 ? `${flag.help} (${notes.join('; ')})` : flag.help
}

const COLUMN = 36

function formatRows(rows: readonly (readonly [head: string, text: string])[]): string {
  return rows
    .map(([head, text]) => {
      const lines = wrap(text, WIDTH - COLUMN)
      const first = head.length + 4 > COLUMN ? [`  ${head}`] : [`  ${head}`.padEnd(COLUMN) + lines.shift()]
      return `${[...first, ...lines.map((line) => ' '.repeat(COLUMN) + line)].join('\n')}\n`
    })
    .join('')
}

function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}
