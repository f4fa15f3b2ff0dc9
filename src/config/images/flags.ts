import { BUILD_CLI_FLAGS, type BuildCliOptions } from '../cli-flags.ts'
import type { FileConfig } from '../file.ts'
import type { Flag } from '../flag.ts'
import * as read from '../flag-values.ts'
import { FLAGS } from '../flags.ts'
import type { CompleteOptions } from '../options.ts'
import type { FileTexts, FlagTable } from '../read-flags.ts'
import { parseAllow, type Grants } from './allow.ts'
import type { SharedOptions } from './options.ts'

/** The options of a session that its flags set. */
type SessionFlags = Pick<
  CompleteOptions,
  | 'accel'
  | 'allowPlatformDrop'
  | 'append'
  | 'audit'
  | 'auditExcept'
  | 'builders'
  | 'checkReproducible'
  | 'force'
  | 'jobs'
  | 'ociRuntime'
  | 'packs'
  | 'progress'
  | 'silenceTimeout'
  | 'store'
  | 'storeLimit'
  | 'test'
  | 'timeout'
>

/** What the command line says alone: files of a project do not push, and say of each image how it is tested. */
type LineFlag = 'append' | 'force' | 'allowPlatformDrop' | 'checkReproducible' | 'test'

/** What the command line says where one file describes many images. */
export interface ImagesValues extends SessionFlags, Omit<BuildCliOptions, 'json'> {
  readonly allow: Grants
  readonly load: boolean
  readonly metadataFile: string | undefined
  /** Absent: as the file says. */
  readonly noCache: boolean | undefined
  readonly provenance: string | undefined
  readonly pull: boolean | undefined
  readonly push: boolean
  readonly sbom: string | undefined
}

const bool = (texts: readonly string[], input: read.FlagInput): boolean | undefined => read.bool(texts, input)
const { accel, allowPlatformDrop, append, audit, auditExcept, builders, force, jobs, ociRuntime, progress } = FLAGS
const { checkReproducible, packs, silenceTimeout, store, storeLimit, timeout } = FLAGS
const { quiet, call, check, print, failFast } = BUILD_CLI_FLAGS

/** Flags of the commands that build what a file describes. */
export const IMAGES_FLAGS: FlagTable<ImagesValues> = {
  builders,
  push: { ...(FLAGS.push as Flag<boolean>), help: 'Push every image to its tags' },
  append,
  force,
  allowPlatformDrop,
  load: { ...(FLAGS.load as Flag<boolean | undefined>), absent: false, parse: read.bool } as Flag<boolean>,
  noCache: { ...FLAGS.noCache, absent: undefined, parse: bool },
  pull: { ...FLAGS.pull, absent: undefined, parse: bool },
  print,
  allow: {
    name: 'allow',
    placeholder: 'RIGHT[=VALUE]',
    repeat: true,
    group: 'common',
    help:
      'Let the files do more than read and write in the project: fs.read=PATH, fs.write=PATH, fs=PATH, network.host, ' +
      'ssh, secret[=VARIABLE], image.push[=NAME], image.load[=NAME], cache, limits, security.insecure, device[=NAME]',
    absent: { read: [], write: [], rights: [] },
    parse: (texts, { label }) => parseAllow(texts, label),
  },
  failFast,
  metadataFile: { ...FLAGS.metadataFile, help: 'Write the results as JSON, by the name of the image' },
  provenance: {
    name: 'provenance',
    placeholder: 'true|false|mode=min|mode=max[,KEY=VALUE]',
    group: 'advanced',
    help: 'Add a provenance attestation to each image; overrides what the file says',
    absent: undefined,
    parse: read.text,
  },
  sbom: {
    name: 'sbom',
    placeholder: 'true|false',
    group: 'advanced',
    help: 'List the contents of each image; overrides what the file says',
    absent: undefined,
    parse: read.text,
  },
  audit,
  auditExcept,
  test: {
    ...FLAGS.test,
    help: 'Run COMMAND in every finished image, as RUN would; overrides what the file says. When it fails, the image is not published',
  },
  checkReproducible,
  quiet,
  call,
  check,
  progress,
  jobs,
  timeout,
  silenceTimeout,
  ociRuntime,
  store,
  storeLimit,
  accel,
  packs,
}

/** What xbuild.yaml says of the machine, not of the image that it describes itself. */
export function sessionTexts({ values }: FileConfig): FileTexts<Omit<SessionFlags, LineFlag>> {
  const { accel, audit, auditExcept, builders, jobs, ociRuntime, progress } = values
  const { packs, silenceTimeout, store, storeLimit, timeout } = values
  return {
    accel,
    audit,
    auditExcept,
    builders,
    jobs,
    ociRuntime,
    packs,
    progress,
    silenceTimeout,
    store,
    storeLimit,
    timeout,
  }
}

/** What all images of the command have alike. */
export function sharedOptions(
  values: ImagesValues,
  {
    file,
    env,
    cwd,
  }: {
    readonly file?: FileConfig | undefined
    readonly env: Readonly<Record<string, string | undefined>>
    readonly cwd: string
  },
): SharedOptions {
  const { accel, audit, auditExcept, builders, jobs, ociRuntime, silenceTimeout, store, storeLimit, timeout } = values
  const { append, force, allowPlatformDrop, test, checkReproducible, packs } = values
  const epoch = /^\d{1,15}$/.exec(env['SOURCE_DATE_EPOCH'] ?? '')?.[0]
  const all = {
    accel,
    allowPlatformDrop,
    append,
    force,
    audit,
    auditExcept,
    builders,
    checkReproducible,
    jobs,
    ociRuntime,
    packs,
    silenceTimeout,
    store,
    storeLimit,
    test,
    timeout,
    nodes: file?.nodes,
    sourceDateEpoch: epoch === undefined ? undefined : Number(epoch),
  }
  return {
    ...(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<SharedOptions>),
    progress: values.quiet ? 'quiet' : values.progress,
    registries: file?.registries ?? {},
    cwd,
  }
}
