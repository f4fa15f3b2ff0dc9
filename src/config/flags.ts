import { parseReference } from '../oci/reference.ts'
import { parsePlatform, samePlatform, type Platform } from '../platform.ts'
import { parseAnnotation } from './annotation.ts'
import { parseBuildContext } from './build-context.ts'
import type { BuildOptions, NamedContext, ProgressMode } from './options.ts'
import { parseOutput } from './output.ts'
import { badValue, parseBool, parseText, parseWhole, splitPair } from './values.ts'

/** The options of a build that a flag sets; the others come from PATH, xbuild.yaml and the environment. */
export type FlagOption = Exclude<keyof BuildOptions, 'context' | 'cwd' | 'registries' | 'sourceDateEpoch'>

/** What reading a value may need beside its text. */
export interface FlagInput {
  /** How messages call the flag: `--jobs` on the command line, `jobs` in xbuild.yaml. */
  readonly label: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What `--platform local` means. */
  readonly localPlatform: Platform
}

/** One flag: the parser, `--help` and xbuild.yaml all read this. */
export interface Flag<T> {
  /** Long name without dashes. */
  readonly name: string
  readonly short?: string
  /** The value in help; absent: a switch. */
  readonly placeholder?: string
  /** Every use counts; otherwise the last one wins. */
  readonly repeat?: boolean
  readonly group: 'common' | 'advanced'
  readonly help: string
  /** The default as help says it. */
  readonly default?: string
  /** Environment variable that stands in for the flag. */
  readonly env?: string
  /** Key in xbuild.yaml, where it has one. */
  readonly key?: string
  /** Values of xbuild.yaml stay and those of the command line are added, by name. */
  readonly merge?: boolean
  /** The value when nobody gave one. */
  readonly absent: T
  /** Reads all texts given, at least one. Throws BAD_OPTION or BAD_PLATFORM. */
  parse(texts: readonly string[], input: FlagInput): T
}

/** Every flag of `xbuild build`. */
export const FLAGS: { readonly [K in FlagOption]: Flag<BuildOptions[K]> } = {
  platforms: {
    name: 'platform', placeholder: 'OS/ARCH[/VARIANT]', repeat: true, group: 'common', env: 'DOCKER_DEFAULT_PLATFORM', key: 'platforms',
    help: 'Platforms to build for, separated by commas; "local" is this machine', default: 'this machine', absent: [], parse: parsePlatforms,
  },
  tags: {
    name: 'tag', short: 't', placeholder: 'NAME[:TAG]', repeat: true, group: 'common', key: 'tags',
    help: 'Name of the image', absent: [], parse: (texts, { label }) => [...new Set(texts.map((text) => parseTag(text, label)))],
  },
  file: {
    name: 'file', short: 'f', placeholder: 'FILE', group: 'common', key: 'file',
    help: 'The Dockerfile', default: 'PATH/Dockerfile', absent: undefined, parse: parseDockerfilePath,
  },
  target: {
    name: 'target', placeholder: 'STAGE', group: 'common', key: 'target',
    help: 'The stage to build', default: 'the last', absent: undefined, parse: lastText,
  },
  buildArgs: {
    name: 'build-arg', placeholder: 'NAME[=VALUE]', repeat: true, group: 'common', key: 'build-args', merge: true,
    help: 'Value of an ARG; NAME alone takes it from the environment', absent: {}, parse: parseBuildArgs,
  },
  outputs: {
    name: 'output', short: 'o', placeholder: 'DEST|type=TYPE[,KEY=VALUE]', repeat: true, group: 'common', key: 'outputs',
    help: 'Where the result goes: a folder, "-" (tar on stdout), type=oci,dest=FOLDER or FILE.tar, type=registry, type=local,dest=FOLDER, '
      + 'type=tar,dest=FILE, type=image,push=true, type=cacheonly',
    default: 'it stays in the store', absent: [], parse: (texts, { label }) => texts.map((text) => parseOutput(text, label)),
  },
  push: {
    name: 'push', group: 'common', help: 'Push the image to every --tag', absent: false, parse: lastBool,
  },
  noCache: {
    name: 'no-cache', group: 'common', help: 'Run every step anew', absent: false, parse: lastBool,
  },
  pull: {
    name: 'pull', group: 'common', key: 'pull', help: 'Ask registries for newer base images', absent: false, parse: lastBool,
  },
  progress: {
    name: 'progress', placeholder: 'MODE', group: 'common', env: 'BUILDKIT_PROGRESS', key: 'progress',
    help: 'How progress is shown on stderr: auto, tty, plain, quiet, rawjson', default: 'auto', absent: 'auto', parse: parseProgress,
  },
  labels: {
    name: 'label', placeholder: 'NAME=VALUE', repeat: true, group: 'advanced', key: 'labels', merge: true,
    help: 'Label in the config of the image', absent: {}, parse: parseLabels,
  },
  annotations: {
    name: 'annotation', placeholder: '[TYPE:]NAME=VALUE', repeat: true, group: 'advanced', key: 'annotations',
    help: 'Annotation of the image; TYPE is manifest, manifest-descriptor, index or index-descriptor, each with an optional [OS/ARCH]',
    absent: [], parse: parseAnnotations,
  },
  buildContexts: {
    name: 'build-context', placeholder: 'NAME=VALUE', repeat: true, group: 'advanced', key: 'build-contexts', merge: true,
    help: 'Use docker-image://REF, oci-layout://FOLDER[:TAG] or a folder where the Dockerfile says NAME', absent: {}, parse: parseBuildContexts,
  },
  metadataFile: {
    name: 'metadata-file', placeholder: 'FILE', group: 'advanced', help: 'Write digests of the result as JSON', absent: undefined, parse: lastText,
  },
  iidFile: {
    name: 'iidfile', placeholder: 'FILE', group: 'advanced', help: 'Write the digest of the image', absent: undefined, parse: lastText,
  },
  jobs: {
    name: 'jobs', placeholder: 'N', group: 'advanced', key: 'jobs', help: 'Steps that run at a time', default: 'number of CPUs, at least 4',
    absent: undefined, parse: (texts, { label }) => parseWhole(last(texts), 1, label),
  },
  ociRuntime: {
    name: 'oci-runtime', placeholder: 'PROGRAM', group: 'advanced', key: 'oci-runtime',
    help: 'The OCI runtime that runs RUN steps', default: 'the first of runc, crun, youki that works', absent: undefined, parse: lastText,
  },
  store: {
    name: 'store', placeholder: 'FOLDER', group: 'advanced', key: 'store', help: 'Folder of images and build cache',
    default: '/var/lib/xbuild for root, else ~/.local/share/xbuild', absent: undefined, parse: lastText,
  },
}

/** What the command line says to the program itself, not to the build. */
export interface CliOptions {
  readonly quiet: boolean
  readonly json: boolean
  readonly config: string | undefined
  readonly debug: boolean
  readonly help: boolean
}

/** Flags of the program. */
export const CLI_FLAGS: { readonly [K in keyof CliOptions]: Flag<CliOptions[K]> } = {
  quiet: { name: 'quiet', short: 'q', group: 'common', help: 'Print the digest and nothing else, unless there are errors', absent: false, parse: lastBool },
  json: { name: 'json', group: 'common', help: 'Print the plan as JSON (xbuild plan only)', absent: false, parse: lastBool },
  config: {
    name: 'config', placeholder: 'FILE', group: 'advanced', help: 'Settings: registries, defaults of flags', default: 'xbuild.yaml, if there is one',
    absent: undefined, parse: lastText,
  },
  debug: { name: 'debug', short: 'D', group: 'advanced', help: 'Show the causes of errors', absent: false, parse: lastBool },
  help: { name: 'help', short: 'h', group: 'advanced', help: 'Show this text', absent: false, parse: lastBool },
}

const PROGRESS_MODES: readonly ProgressMode[] = ['auto', 'tty', 'plain', 'quiet', 'rawjson']

function parsePlatforms(texts: readonly string[], { localPlatform }: FlagInput): readonly Platform[] {
  const words = texts.flatMap((text) => text.split(',')).map((word) => word.trim())
  const platforms = words.map((word) => (word === 'local' ? localPlatform : parsePlatform(word, localPlatform)))
  return platforms.filter((platform, i) => platforms.findIndex((other) => samePlatform(other, platform)) === i)
}

function parseTag(text: string, label: string): string {
  if (parseReference(text).digest) throw badValue(label, text, 'a name to give cannot hold a digest', 'Leave out the part from "@" on')
  return text
}

function parseDockerfilePath(texts: readonly string[], { label }: FlagInput): string {
  const path = parseText(last(texts), label)
  if (path === '-') throw badValue(label, path, 'xbuild does not read a Dockerfile from stdin yet', 'Write it into a file')
  if (/^https?:\/\//.test(path)) throw badValue(label, path, 'xbuild does not download Dockerfiles yet', 'Download it first')
  return path
}

function parseBuildArgs(texts: readonly string[], { label, env }: FlagInput): Readonly<Record<string, string>> {
  const pairs = texts.map((text) => splitPair(text, label)).map(([name, value]) => [name, value ?? env[name]] as const)
  return record(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

function parseLabels(texts: readonly string[], { label }: FlagInput): Readonly<Record<string, string>> {
  return record(texts.map((text) => splitPair(text, label)).map(([name, value]) => [name, value ?? '']))
}

function parseAnnotations(texts: readonly string[], { label }: FlagInput): readonly string[] {
  for (const text of texts) parseAnnotation(text, label)
  return texts
}

function parseBuildContexts(texts: readonly string[], { label }: FlagInput): Readonly<Record<string, NamedContext>> {
  return record(texts.map((text) => parseBuildContext(text, label)).map(({ name, context }) => [name, context]))
}

function parseProgress(texts: readonly string[], { label }: FlagInput): ProgressMode {
  const text = last(texts)
  const mode = PROGRESS_MODES.find((known) => known === text)
  if (!mode) throw badValue(label, text, 'unknown mode', `The modes are ${PROGRESS_MODES.join(', ')}`)
  return mode
}

function lastText(texts: readonly string[], { label }: FlagInput): string {
  return parseText(last(texts), label)
}

function lastBool(texts: readonly string[], { label }: FlagInput): boolean {
  return parseBool(last(texts), label)
}

function last(texts: readonly string[]): string {
  return texts.at(-1) ?? ''
}

// A name like `__proto__` must be a key, not a prototype
function record<T>(pairs: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(pairs)
}
