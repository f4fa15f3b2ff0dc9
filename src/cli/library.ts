import { resolve } from 'node:path'
import { build } from '../build.ts'
import { compact } from '../compact.ts'
import { BAKE_FLAGS, readBakeCommand } from '../config/bake/flags.ts'
import type { LineInput } from '../config/build-line.ts'
import { COMPOSE_FLAGS, readComposeCommand } from '../config/compose/flags.ts'
import { sessionTexts } from '../config/images/flags.ts'
import type { AuditLevel } from '../config/options.ts'
import { readFlags, type FlagTable } from '../config/read-flags.ts'
import { usageError } from '../config/values.ts'
import { toXbuildError, type XbuildError } from '../errors.ts'
import type { BuildEvent } from '../events.ts'
import { currentFolder } from '../host/current-folder.ts'
import { platformOfNodeArch } from '../platform.ts'
import type { BuildResult, SessionResult } from '../session/types.ts'
import { readBakeRun } from './bake.ts'
import { readComposeRun } from './compose.ts'
import { createFeed } from './feed.ts'
import { loadConfig } from './load-config.ts'
import { requestsFor, type ImagesRun } from './run-images.ts'
import type { Terminal } from './terminal.ts'

/** What `bake` and `composeBuild` have alike; each is the flag of the same name. */
export interface ImagesOptions {
  /** The folder of the run, where relative paths begin; else that of the process. */
  readonly cwd?: string
  /** Variables; else those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Ends the build: running steps end, mounts go away. */
  readonly signal?: AbortSignal
  readonly allow?: readonly string[]
  readonly audit?: AuditLevel
  readonly auditExcept?: readonly string[]
  readonly builder?: readonly string[]
  readonly failFast?: boolean
  readonly jobs?: number
  readonly load?: boolean
  readonly noCache?: boolean
  readonly provenance?: string
  readonly pull?: boolean
  readonly push?: boolean
  readonly store?: string
  /** Takes each warning of the files. */
  readonly warn?: (text: string) => void
}

/** What `bake` builds, and with which changes. */
export interface BakeOptions extends ImagesOptions {
  /** A git repository or the URL of a file, which the definitions are read from. */
  readonly remote?: string
  /** Targets, groups and patterns; none: `default`. */
  readonly targets?: readonly string[]
  /** Each as `--set` has it. */
  readonly set?: readonly string[]
  readonly vars?: Readonly<Record<string, string>>
}

/** What `composeBuild` builds, and with which changes. */
export interface ComposeBuildOptions extends ImagesOptions {
  /** Services; none: all whose profile is on. */
  readonly services?: readonly string[]
  readonly buildArgs?: Readonly<Record<string, string>>
  readonly envFiles?: readonly string[]
  readonly profiles?: readonly string[]
  readonly projectDirectory?: string
  readonly projectName?: string
  readonly ssh?: readonly string[]
  readonly withDependencies?: boolean
}

/** What became of one image. */
export type BakedImage =
  | {
      readonly digest: string
      /** The image of each platform. */
      readonly platforms: Readonly<Record<string, BuildResult['images'][number]>>
      readonly result: BuildResult
      readonly error?: undefined
    }
  | { readonly error: XbuildError }

/** What became of all images, by name. */
export interface ImagesResult {
  /** Whether no image failed. */
  readonly ok: boolean
  readonly images: Readonly<Record<string, BakedImage>>
}

/**
 * A build that runs. Its events can be read once, with `for await`; who ends that early ends no build. `result` is
 * there in any case: an image that fails has its error in it, and it rejects with an XbuildError when nothing could be
 * built at all, or the signal ended the build.
 */
export interface ImagesBuild extends AsyncIterable<BuildEvent> {
  readonly result: Promise<ImagesResult>
}

/** Builds the targets of bake files, as `xbuild bake` does; without files those of the folder. */
export function bake(files: readonly string[] = [], options: BakeOptions = {}): ImagesBuild {
  const { targets = [], set = [], vars = {}, remote } = options
  return start(options, async (edges) => {
    const given = { file: files, set, var: Object.entries(vars).map(([name, value]) => `${name}=${value}`) }
    const words = remote === undefined ? targets : [remote, ...targets]
    const command = await edges.command(BAKE_FLAGS, given, words, readBakeCommand)
    return readBakeRun(command, edges.terminal, options.signal)
  })
}

/** Builds the services of compose files, as `xbuild compose build` does; without files those of the folder. */
export function composeBuild(files: readonly string[] = [], options: ComposeBuildOptions = {}): ImagesBuild {
  const { services = [], buildArgs = {}, envFiles, profiles, projectDirectory, projectName, ssh } = options
  return start(options, async (edges) => {
    const given = {
      file: files,
      'build-arg': Object.entries(buildArgs).map(([name, value]) => `${name}=${value}`),
      'env-file': envFiles,
      profile: profiles,
      'project-directory': projectDirectory,
      'project-name': projectName,
      ssh,
      'with-dependencies': options.withDependencies,
    }
    const words = ['build', ...services]
    return readComposeRun(await edges.command(COMPOSE_FLAGS, given, words, readComposeCommand), edges.terminal)
  })
}

type Given = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

interface Edges {
  readonly terminal: Pick<Terminal, 'env' | 'stdin' | 'stderr' | 'cwd'>
  /** A command, read from the texts of its flags. */
  command<Values extends object, Command>(
    flags: FlagTable<Values>,
    given: Given,
    words: readonly string[],
    read: (values: Values, input: LineInput) => Command,
  ): Promise<Command>
}

function start(options: ImagesOptions, readRun: (edges: Edges) => Promise<ImagesRun>): ImagesBuild {
  const feed = createFeed<BuildEvent>()
  const result = buildFiles(options, readRun, feed.push)
  // Who reads the events alone learns of a failure there
  result.then(feed.end, (error: unknown) => feed.fail(toXbuildError(error)))
  return { result, [Symbol.asyncIterator]: feed.iterate }
}

async function buildFiles(
  options: ImagesOptions,
  readRun: (edges: Edges) => Promise<ImagesRun>,
  emit: (event: BuildEvent) => void,
): Promise<ImagesResult> {
  const run = await readRun(edgesOf(options))
  if (run.call) throw usageError(`Cannot build: the files ask for "${run.call.kind}"`, 'Use xbuild bake --call')
  const { failFast, env, secretEnv } = run
  const signal = options.signal ?? new AbortController().signal
  const { images } = await build(requestsFor(run), { emit, signal, env, secretEnv, stdout: process.stdout, failFast })
  return resultOf(images, run.chosen)
}

function resultOf(images: SessionResult['images'], chosen: readonly string[]): ImagesResult {
  const entries = images.flatMap(({ name, result, error }): [string, BakedImage][] => {
    if (error) return [[name, { error }]]
    const platforms = Object.fromEntries(result.images.map((image) => [image.platform, image]))
    return chosen.includes(name) ? [[name, { digest: result.digest, platforms, result }]] : []
  })
  return { ok: entries.every(([, image]) => image.error === undefined), images: Object.fromEntries(entries) }
}

function edgesOf(options: ImagesOptions): Edges {
  const cwd = resolve(options.cwd ?? currentFolder())
  const env = { ...(options.env ?? process.env) }
  const { allow, audit, auditExcept, builder, failFast, jobs, load, noCache, provenance, pull, push, store } = options
  const shared: Given = {
    allow,
    audit,
    'audit-except': auditExcept,
    builder,
    'fail-fast': failFast,
    jobs,
    load,
    'no-cache': noCache,
    provenance,
    pull,
    push,
    store,
  }
  const write = (text: string) => {
    options.warn?.(text.trimEnd())
    return true
  }
  return {
    terminal: { env, stdin: process.stdin, stderr: { write, isTTY: false } as Terminal['stderr'], cwd: () => cwd },
    command: async (flags, own, words, read) => {
      const given = textsOf({ ...shared, ...own })
      const localPlatform = platformOfNodeArch(process.arch)
      const file = await loadConfig({ given, words, command: 'bake' }, { cwd, env })
      const input = { cwd, env, localPlatform, given, words, command: 'bake', commands: [], ...compact({ file }) }
      const inFile = file && (sessionTexts(file) as object)
      return read(readFlags(flags, { ...input, ...compact({ inFile }) }), input)
    },
  }
}

function textsOf(given: Given): Map<string, readonly string[]> {
  const texts = Object.entries(given).flatMap(([name, value]) => {
    const list = Array.isArray(value) ? (value as readonly string[]) : value === undefined ? [] : [String(value)]
    return list.length === 0 ? [] : [[name, list] as const]
  })
  return new Map(texts)
}
