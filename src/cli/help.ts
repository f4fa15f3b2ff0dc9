import type { CommandName } from '../config/argv.ts'
import { CLI_FLAGS, FLAGS, type Flag } from '../config/flags.ts'

const WIDTH = 110

const ENVIRONMENT: readonly (readonly [name: string, help: string])[] = [
  ['DOCKER_DEFAULT_PLATFORM', 'Value of --platform'],
  ['BUILDKIT_PROGRESS', 'Value of --progress'],
  ['SOURCE_DATE_EPOCH', 'Seconds since 1970: no time stamp in the image is later than that'],
  ['DOCKER_CONFIG', 'Folder of config.json with the credentials of registries; default: ~/.docker'],
  ['NO_COLOR', 'Set to anything: no colours'],
]

const EXAMPLES = `Examples:
  # One image for two platforms, into the store
  xbuild --platform linux/amd64,linux/arm64 -t hello .

  # Build and push to a registry
  xbuild --platform linux/amd64,linux/arm64 -t registry.example/team/hello:1.0 --push .

  # An OCI image layout in a folder, from another Dockerfile
  xbuild -f deploy/Dockerfile -o type=oci,dest=out .
`

/** The text of `xbuild help`, or of `xbuild help COMMAND`. Made of the flag table; ends in a newline. */
export function formatHelp(topic?: CommandName): string {
  switch (topic) {
    case 'build':
      return `Usage: xbuild [build] [OPTIONS] PATH\n\nBuild the Dockerfile in PATH into one image for all platforms.\n\n${formatFlags(['json'])}${formatEnvironment()}${EXAMPLES}`
    case 'plan':
      return `Usage: xbuild plan [OPTIONS] PATH\n\nShow how each stage would be built for each platform, and why. Nothing is built.\n\n${formatFlags([])}`
    case 'version':
      return 'Usage: xbuild version\n\nPrint the version of xbuild.\n'
    case 'help':
      return 'Usage: xbuild help [COMMAND]\n\nShow help.\n'
    case undefined:
      return formatOverview()
  }
}

function formatOverview(): string {
  const commands = formatRows([
    ['build [OPTIONS] PATH', 'Build the Dockerfile in PATH into one image for all platforms; the word "build" may be left out'],
    ['plan [OPTIONS] PATH', 'Show how each stage would be built for each platform, and why'],
    ['version', 'Print the version'],
    ['help [COMMAND]', 'Show help'],
  ])
  return `Usage: xbuild [COMMAND] [OPTIONS] PATH\n\nOne Dockerfile, one image for every platform.\n\nCommands:\n${commands}\n${formatFlags(['json'])}${formatEnvironment()}${EXAMPLES}`
}

function formatFlags(without: readonly string[]): string {
  const flags: readonly Flag<unknown>[] = [...Object.values(FLAGS), ...Object.values(CLI_FLAGS)].filter((flag) => !without.includes(flag.name))
  const section = (group: Flag<unknown>['group']) => formatRows(flags.filter((flag) => flag.group === group).map((flag) => [flagHead(flag), flagHelp(flag)]))
  return `Options:\n${section('common')}\nAdvanced options:\n${section('advanced')}\n`
}

function flagHead({ name, short, placeholder }: Flag<unknown>): string {
  return `${short ? `-${short}, ` : '    '}--${name}${placeholder ? ` ${placeholder}` : ''}`
}

function flagHelp(flag: Flag<unknown>): string {
  const notes = [flag.default ? `default: ${flag.default}` : '', flag.repeat ? 'may be repeated' : ''].filter(Boolean)
  return notes.length > 0 ? `${flag.help} (${notes.join('; ')})` : flag.help
}

function formatEnvironment(): string {
  return `Environment:\n${formatRows(ENVIRONMENT)}\n`
}

const COLUMN = 36

function formatRows(rows: readonly (readonly [head: string, text: string])[]): string {
  return rows.map(([head, text]) => {
    const lines = wrap(text, WIDTH - COLUMN)
    const first = head.length + 4 > COLUMN ? [`  ${head}`] : [`  ${head}`.padEnd(COLUMN) + lines.shift()]
    return `${[...first, ...lines.map((line) => ' '.repeat(COLUMN) + line)].join('\n')}\n`
  }).join('')
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
