import type { CommandName } from '../config/argv.ts'
import { CLI_FLAGS } from '../config/cli-flags.ts'
import { DOCTOR_FLAGS } from '../config/doctor-flags.ts'
import type { Flag } from '../config/flag.ts'
import { FLAGS } from '../config/flags.ts'
import { NODE_FLAGS } from '../config/node-flags.ts'
import { PACK_FLAGS } from '../config/pack-flags.ts'
import { QEMU_FLAGS } from '../config/qemu-flags.ts'
import { DU_FLAGS, PRUNE_FLAGS } from '../config/store-flags.ts'
import { SUGGEST_FLAGS } from '../config/suggest-flags.ts'
import { TRUST_FLAGS } from '../config/trust-flags.ts'

const WIDTH = 110

const ENVIRONMENT: readonly (readonly [name: string, help: string])[] = [
  ['DOCKER_DEFAULT_PLATFORM', 'Value of --platform'],
  ['BUILDKIT_PROGRESS', 'Value of --progress'],
  [
    'SOURCE_DATE_EPOCH',
    'Seconds since 1970: no time stamp in the image is later than that; "context": its commit, its download',
  ],
  ['XBUILD_HOME', 'Value of --store'],
  ['XDG_CONFIG_HOME', 'Folder of xbuild/config.yaml, your own settings for every build; default: ~/.config'],
  ['DOCKER_CONFIG', 'Folder of config.json with the credentials of registries; default: ~/.docker'],
  ['DOCKER_HOST, BUILDKIT_HOST', 'Machines that take part in every build'],
  ['DOCKER_BUILDKIT', 'Set to 0: Docker Engines build without BuildKit'],
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

const USAGE = {
  build: ['xbuild [build] [OPTIONS] PATH', 'Build the Dockerfile in PATH into one image for all platforms.'],
  plan: [
    'xbuild plan [OPTIONS] PATH',
    'Show how each stage would be built for each platform, and why. Nothing is built.',
  ],
  suggest: [
    'xbuild suggest [OPTIONS] [PATH]',
    'Print the smallest change, as a diff, that makes build stages cross-compile.',
  ],
  du: ['xbuild du [OPTIONS]', 'Show what the store holds, and how much of it could go.'],
  prune: ['xbuild prune [OPTIONS]', 'Remove build cache that no image with a name needs.'],
  node: [
    'xbuild node [ls | inspect NAME | add NAME ENDPOINT | rm NAME | use NAME...]',
    'Show, add and remove machines to build on.',
  ],
  pack: [
    'xbuild pack [ls | build RECIPE[@VERSION]... | verify [PACK...] | rm PACK...]',
    'Show, make, check and remove native toolchains for emulated steps.',
  ],
  qemu: [
    'xbuild qemu [status | install | uninstall] [ARCH...]',
    'Show, register and remove handlers of the whole machine for programs of other CPUs.',
  ],
  doctor: [
    'xbuild doctor [OPTIONS] [REGISTRY...]',
    'Look for what keeps this machine, its nodes and registries from building, and say what helps.',
  ],
  trust: [
    'xbuild trust [--list | --revoke] [FILE]',
    'Accept what xbuild.yaml of a project asks for beyond what a project may set, until the file changes.',
  ],
  version: ['xbuild version', 'Print the version.'],
  help: ['xbuild help [COMMAND]', 'Show help.'],
} as const satisfies Record<CommandName, readonly [usage: string, what: string]>

/** The text of `xbuild help`, or of `xbuild help COMMAND`. Made of the flag table; ends in a newline. */
export function formatHelp(topic?: CommandName): string {
  if (topic === undefined) {
    const commands = `Commands:\n${formatRows(Object.values(USAGE).map(([usage, what]) => [usage, what]))}`
    const intro = 'Usage: xbuild [COMMAND] [OPTIONS] PATH\n\nOne Dockerfile, one image for every platform.\n'
    return [intro, commands, formatFlags(['json']), formatEnvironment(), EXAMPLES].join('\n')
  }
  const [usage, what] = USAGE[topic]
  const intro = `Usage: ${usage}\n\n${what}\n`
  if (
    topic === 'du' ||
    topic === 'prune' ||
    topic === 'node' ||
    topic === 'pack' ||
    topic === 'qemu' ||
    topic === 'suggest' ||
    topic === 'doctor' ||
    topic === 'trust'
  ) {
    const { config, debug, help } = CLI_FLAGS
    const flags: readonly Flag<unknown>[] = [
      ...Object.values(
        {
          du: DU_FLAGS,
          prune: PRUNE_FLAGS,
          node: NODE_FLAGS,
          pack: PACK_FLAGS,
          qemu: QEMU_FLAGS,
          suggest: SUGGEST_FLAGS,
          doctor: DOCTOR_FLAGS,
          trust: TRUST_FLAGS,
        }[topic],
      ),
      ...(topic === 'trust' ? [] : [config]),
      debug,
      help,
    ]
    return [intro, `Options:\n${formatRows(flags.map((flag) => [flagHead(flag), flagHelp(flag)]))}`].join('\n')
  }
  if (topic === 'build') return [intro, formatFlags(['json']), formatEnvironment(), EXAMPLES].join('\n')
  return topic === 'plan' ? [intro, formatFlags([]), formatEnvironment()].join('\n') : intro
}

function formatFlags(without: readonly string[]): string {
  const all: readonly Flag<unknown>[] = [...Object.values(FLAGS), ...Object.values(CLI_FLAGS)]
  const rowsOf = (group: Flag<unknown>['group']) => {
    const flags = all.filter((flag) => flag.group === group && !without.includes(flag.name))
    return formatRows(flags.map((flag) => [flagHead(flag), flagHelp(flag)]))
  }
  return `Options:\n${rowsOf('common')}\nAdvanced options:\n${rowsOf('advanced')}`
}

function flagHead({ name, short, placeholder }: Flag<unknown>): string {
  return `${short ? `-${short}, ` : '    '}--${name}${placeholder ? ` ${placeholder}` : ''}`
}

function flagHelp(flag: Flag<unknown>): string {
  const notes = [flag.default ? `default: ${flag.default}` : '', flag.repeat ? 'may be repeated' : ''].filter(Boolean)
  return notes.length > 0 ? `${flag.help} (${notes.join('; ')})` : flag.help
}

function formatEnvironment(): string {
  return `Environment:\n${formatRows(ENVIRONMENT)}`
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
