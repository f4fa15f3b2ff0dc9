import { compact } from '../compact.ts'
import { ignoreMatcher } from '../dockerfile/ignore.ts'
import { parseAnnotation } from '../oci/annotation.ts'
import { parseRemote } from '../dockerfile/remote.ts'
import { parseReference } from '../oci/reference.ts'
import { ALL_PLATFORMS, distinctPlatforms, parsePlatform, type Platform } from '../platform.ts'
import {
  parseAttests,
  parseProvenance,
  parseSbom,
  type Attests,
  type ProvenanceOptions,
  type SbomOptions,
} from './attest.ts'
import { parseBuildContext } from './build-context.ts'
import { parseCall, type Call } from './call.ts'
import { parseCacheSource, parseCacheTarget, type CacheSource, type CacheTarget } from './cache.ts'
import { XbuildError } from '../errors.ts'
import type { AuditLevel, NamedContext, Output, ProgressMode } from './options.ts'
import { parseOutput } from './output.ts'
import { parseSign, type SignOptions } from './sign.ts'
import { parseAge, parseSize } from './store-values.ts'
import { badValue, parseBool, parseText, parseWhole, splitPair } from './values.ts'

/** What reading a value may need beside its text. */
export interface FlagInput {
  /** How messages call the flag: `--jobs` on the command line, `jobs` in xbuild.yaml. */
  readonly label: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What `--platform local` means. */
  readonly localPlatform: Platform
}

/** All of them. */
export const PROGRESS_MODES: readonly ProgressMode[] = ['auto', 'tty', 'plain', 'quiet', 'rawjson']

/** Comma-separated platforms, each once; `local` is this machine, `all` alone what all base images have. */
export function platforms(texts: readonly string[], { localPlatform, label }: FlagInput): readonly Platform[] {
  const words = texts.flatMap((text) => text.split(',')).map((word) => word.trim())
  if (words.includes('all')) {
    if (words.length === 1) return [ALL_PLATFORMS]
    throw badValue(label, words.join(','), 'all stands for every platform', 'Write all alone, or name platforms')
  }
  const found = words.map((word) => (word === 'local' ? localPlatform : parsePlatform(word, localPlatform)))
  return distinctPlatforms(found)
}

/** Names to give to an image, each once, as written. */
export function tags(texts: readonly string[], { label }: FlagInput): readonly string[] {
  const digested = texts.find((text) => parseReference(text).digest)
  if (digested) throw badValue(label, digested, 'a tag cannot contain a digest', 'Leave out the part from "@" on')
  return [...new Set(texts)]
}

/** A Dockerfile: a path, an http URL, or `-` for standard input. */
export function dockerfile(texts: readonly string[], { label }: FlagInput): string {
  const path = parseText(last(texts), label)
  if (parseRemote(path)?.kind === 'git')
    throw badValue(label, path, 'it is a git repository', 'Give it as the context, and -f a path in it')
  return path
}

/**
 * `NAME=VALUE`, or `NAME` for the value in the environment; a name without a value there is left out, as docker does.
 */
export function buildArgs(texts: readonly string[], input: FlagInput): Readonly<Record<string, string>> {
  const pairs = Object.entries(argsOfAll(texts, input))
  return record(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined))
}

/** `NAME=VALUE`, or `NAME` for the value in the environment; a name without a value there has none. */
export function argsOfAll(
  texts: readonly string[],
  { label, env }: FlagInput,
): Readonly<Record<string, string | undefined>> {
  return record(texts.map((text) => splitPair(text, label)).map(([name, value]) => [name, value ?? env[name]]))
}

/** `NAME=VALUE`; `NAME` alone is an empty label. */
export function labels(texts: readonly string[], { label }: FlagInput): Readonly<Record<string, string>> {
  return record(texts.map((text) => splitPair(text, label)).map(([name, value]) => [name, value ?? '']))
}

/** Annotations as written, checked. */
export function annotations(texts: readonly string[]): readonly string[] {
  for (const annotation of texts) parseAnnotation(annotation)
  return texts
}

/** Named contexts by name. */
export function buildContexts(texts: readonly string[], { label }: FlagInput): Readonly<Record<string, NamedContext>> {
  return record(texts.map((text) => parseBuildContext(text, label)).map(({ name, context }) => [name, context]))
}

/** What is attested of the build, or false. */
export function provenance(texts: readonly string[], { label }: FlagInput): ProvenanceOptions | false {
  return parseProvenance(last(texts), label)
}

/** Whether the contents of images are listed. */
export function sbom(texts: readonly string[], { label }: FlagInput): SbomOptions | boolean {
  return parseSbom(last(texts), label)
}

/** How images are signed. */
export function sign(texts: readonly string[], { label }: FlagInput): SignOptions | false {
  return parseSign(last(texts), label)
}

/** What a wrong program does. */
export function auditLevel(texts: readonly string[], { label }: FlagInput): AuditLevel {
  const text = last(texts)
  if (text === 'error' || text === 'warn' || text === 'off') return text
  throw new XbuildError('BAD_OPTION', `Cannot use ${label} "${text}": it must be error, warn or off`, {
    hint: 'error ends the build, warn only reports what was found',
  })
}

/** Patterns of paths, as in `.dockerignore`; one that is malformed is known before anything is built. */
export function patterns(texts: readonly string[], { label }: FlagInput): readonly string[] {
  for (const text of texts) {
    try {
      ignoreMatcher([text]).matches('x')
    } catch (cause) {
      if (!(cause instanceof XbuildError)) throw cause
      throw new XbuildError('BAD_OPTION', `Cannot use ${label} "${text}": it is no pattern`, {
        cause,
        ...compact({ hint: cause.hint }),
      })
    }
  }
  return texts
}

/** Attestations by type. */
export function attests(texts: readonly string[], { label }: FlagInput): Attests {
  return parseAttests(texts, label)
}

/** Names and endpoints of nodes, each once. */
export function builders(texts: readonly string[], { label }: FlagInput): readonly string[] {
  return [...new Set(texts.flatMap((text) => text.split(',')).map((name) => parseText(name.trim(), label)))]
}

/** Images that take the place of those that FROM names: a reference, or as for `--build-context`. */
export function bases(texts: readonly string[], { label }: FlagInput): Readonly<Record<string, NamedContext>> {
  return record(
    texts.map((text) => {
      const [name, value = ''] = splitPair(text, label)
      if (/^(docker-image|oci-layout):\/\//i.test(value)) return [name, parseBuildContext(text, label).context] as const
      if (value === '' || value.includes('://'))
        throw badValue(
          label,
          text,
          'it is not an image',
          'Write it like debian: registry.example/debian-arm, or oci-layout://FOLDER',
        )
      parseReference(value)
      return [name, { kind: 'image', ref: value }] as const
    }),
  )
}

/** Milliseconds, more than none. */
export function duration(texts: readonly string[], { label }: FlagInput): number {
  const milliseconds = parseAge(last(texts), label)
  if (milliseconds < 1) throw badValue(label, last(texts), 'it is not longer than 0', 'Write it like 20m or 90s')
  return milliseconds
}

/** Outputs in order. */
export function outputs(texts: readonly string[], { label }: FlagInput): readonly Output[] {
  return texts.map((text) => parseOutput(text, label))
}

/** What to do with the Dockerfile. */
export function call(texts: readonly string[], { label }: FlagInput): Call {
  return parseCall(last(texts), label)
}

/** One of the progress modes; `none` of buildx is `quiet`: the digest is the result, not progress. */
export function progress(texts: readonly string[], { label }: FlagInput): ProgressMode {
  if (last(texts) === 'none') return 'quiet'
  const mode = PROGRESS_MODES.find((known) => known === last(texts))
  if (!mode) throw badValue(label, last(texts), 'unknown mode', `The modes are ${PROGRESS_MODES.join(', ')}`)
  return mode
}

/** A text that is not empty. */
export function text(texts: readonly string[], { label }: FlagInput): string {
  return parseText(last(texts), label)
}

/** A switch. */
export function bool(texts: readonly string[], { label }: FlagInput): boolean {
  return parseBool(last(texts), label)
}

/** A whole number of at least 1. */
export function positive(texts: readonly string[], { label }: FlagInput): number {
  return parseWhole(last(texts), 1, label)
}

/** Caches to read. */
export function cacheFrom(texts: readonly string[], { label }: FlagInput): readonly CacheSource[] {
  return texts.flatMap((text) => parseCacheSource(text, label))
}

/** Caches to write. */
export function cacheTo(texts: readonly string[], { label }: FlagInput): readonly CacheTarget[] {
  return texts.flatMap((text) => parseCacheTarget(text, label))
}

/** Bytes. */
export function size(texts: readonly string[], { label }: FlagInput): number {
  return parseSize(last(texts), label)
}

function last(texts: readonly string[]): string {
  return texts.at(-1) ?? ''
}

// fromEntries defines keys: a name like `__proto__` stays a name
function record<T>(pairs: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(pairs)
}
