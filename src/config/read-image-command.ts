import { compact } from '../compact.ts'
import { suggest } from '../did-you-mean.ts'
import type { Digest } from '../oci/descriptor.ts'
import { parseDigest } from '../oci/digest.ts'
import { parseImageName, type ImageName } from '../oci/image-name.ts'
import type { Reference } from '../oci/reference.ts'
import type { LineInput } from './build-line.ts'
import type { CreateCommand, ImageCommand, ImageCommon, SignCommand, VerifyCommand } from './image-command.ts'
import { IMAGE_FLAGS, IMAGE_VERBS, VERBS_OF_FLAG, type ImageValues, type ImageVerb } from './image-flags.ts'
import { servicesProblem } from './sign.ts'
import { usageError } from './values.ts'

/** Reads the words and values of `xbuild image`. Throws BAD_OPTION, BAD_REFERENCE. */
export function readImageCommand(values: ImageValues, { words, given, file, cwd }: LineInput): ImageCommand {
  const [word, ...names] = words
  const verb = verbOf(word)
  checkFlags(verb, given)
  const common = {
    registries: file?.registries ?? {},
    json: values.format === undefined ? values.json : values.format === 'json',
    cwd,
  }
  switch (verb) {
    case 'inspect': {
      const name = parseImageName(oneName(verb, names))
      const [platform, ...more] = values.platforms
      if (more.length > 0) throw usageError('Cannot inspect several platforms: give --platform once')
      if (values.raw && common.json) throw usageError('Cannot use "--raw" with "--json": the manifest is JSON as it is')
      return { ...common, verb, name, raw: values.raw, referrers: values.referrers, ...compact({ platform }) }
    }
    case 'ls':
      return { ...common, verb, repository: repositoryOf(verb, oneName(verb, names)) }
    case 'copy': {
      const [from, to, ...more] = names
      if (from === undefined || to === undefined || more.length > 0)
        throw usageError('Cannot copy: two names are needed', 'Write it like xbuild image copy FROM TO')
      const { referrers, force, allowPlatformDrop } = values
      return {
        ...common,
        verb,
        from: parseImageName(from),
        to: parseImageName(to),
        referrers,
        force,
        allowPlatformDrop,
      }
    }
    case 'verify':
      return {
        ...common,
        verb,
        name: parseImageName(oneName(verb, names)),
        deep: values.deep,
        referrers: values.referrers,
        ...readSigner(values),
      }
    case 'sign': {
      const name = parseImageName(oneName(verb, names))
      if (name.kind !== 'registry')
        throw usageError(
          'Cannot sign an image that is not in a registry',
          'Write it like xbuild image sign [--key FILE] REF',
        )
      return { ...common, verb, ref: name.ref, by: readSigning(values) }
    }
    case 'audit': {
      const { platforms, except, store } = values
      const name = parseImageName(oneName(verb, names))
      return { ...common, verb, name, platforms, except, ...compact({ store }) }
    }
    case 'rm': {
      if (names.length === 0) throw usageError('Cannot rm: no name is given', 'Write it like xbuild image rm REPO:TAG')
      return { ...common, verb, refs: names.map(exactName), force: values.force, dryRun: values.dryRun ?? false }
    }
    case 'prune': {
      const [name, ...digests] = names
      if (values.yes && values.dryRun)
        throw usageError('Cannot use "--yes" with "--dry-run": they contradict each other')
      const repository = repositoryOf(verb, oneName(verb, name === undefined ? [] : [name]))
      return { ...common, verb, repository, digests: digests.map(parseDigest), dryRun: values.dryRun ?? !values.yes }
    }
    case 'create':
      return { ...common, ...readCreate(names, values) }
  }
}

function readSigning({ key, ...values }: ImageValues): SignCommand['by'] {
  const { fulcioUrl, rekorUrl, timestampUrl, signingConfig, trustedRoot } = values
  const services = compact({ fulcioUrl, rekorUrl, timestampUrl, signingConfig, trustedRoot })
  if (key === undefined) {
    const wrong = servicesProblem(services)
    if (wrong !== undefined) throw usageError(`Cannot sign an image: ${wrong}`)
    return { by: 'keyless', ...services }
  }
  if (Object.keys(services).length > 0)
    throw usageError('Cannot sign an image: services are asked for signatures without a key only', 'Leave out --key')
  return { by: 'key', key }
}

function readSigner({
  key,
  certificateIdentity: name,
  certificateIssuer: issuer,
  trustedRoot,
}: ImageValues): Pick<VerifyCommand, 'key' | 'identity' | 'trustedRoot'> {
  if ((name === undefined) !== (issuer === undefined))
    throw usageError(
      'Cannot verify a signature: an identity counts with who has said it only',
      'Give --certificate-identity and --certificate-oidc-issuer',
    )
  if (name !== undefined && key !== undefined)
    throw usageError('Cannot use "--key" with "--certificate-identity": they contradict each other')
  if (name === undefined && trustedRoot !== undefined)
    throw usageError('Cannot use "--trusted-root" alone: no identity is named', 'Add --certificate-identity')
  const identity = name !== undefined && issuer !== undefined ? { name, issuer } : undefined
  return compact({ key, identity, trustedRoot })
}

function readCreate(names: readonly string[], values: ImageValues): Omit<CreateCommand, keyof ImageCommon> {
  const { tags, files, platforms, annotations, preferIndex, duplicates, append, force, allowPlatformDrop } = values
  const { dryRun = false, metadataFile } = values
  const sources = names.map(parseSource)
  if (sources.length + files.length === 0)
    throw usageError('Cannot create an image: no source is given', 'Write it like xbuild image create -t REF SOURCE...')
  if (tags.length === 0 && !dryRun)
    throw usageError('Cannot create an image: it has no name', 'Give it one with --tag REF, or see it with --dry-run')
  if (dryRun && metadataFile !== undefined)
    throw usageError('Cannot use "--metadata-file" with "--dry-run": nothing is written')
  if (append && dryRun) throw usageError('Cannot use "--append" with "--dry-run": others may append at the same time')
  if (append && (force || allowPlatformDrop))
    throw usageError(
      `Cannot use "--append" with "--${force ? 'force' : 'allow-platform-drop'}": --append never removes a platform, also when somebody else changes the tag`,
    )
  if (append && duplicates)
    throw usageError('Cannot use "--append" with "--allow-duplicates": they contradict each other')
  const tagging = { append, force, allowPlatformDrop }
  const content = { sources, files, platforms, annotations, preferIndex, duplicates }
  return compact({ verb: 'create' as const, ...content, tags, ...tagging, dryRun, metadataFile })
}

/** A source of an image that is put together: an image anywhere, or a digest of the repository of the tags. */
export function parseSource(text: string): ImageName | Digest {
  return /^sha(?:256|512):/.test(text) ? parseDigest(text) : parseImageName(text)
}

function verbOf(word: string | undefined): ImageVerb {
  const verb = IMAGE_VERBS.find((one) => one === word) ?? SYNONYMS.get(word ?? '')
  if (verb) return verb
  const near = word === undefined ? undefined : suggest(word, IMAGE_VERBS)
  throw usageError(
    word === undefined
      ? 'Cannot use "xbuild image": what to do is not said'
      : `Cannot use "xbuild image ${word}": unknown`,
    near ? `Did you mean xbuild image ${near}?` : `Write xbuild image ${IMAGE_VERBS.join(', ')}`,
  )
}

const SYNONYMS: ReadonlyMap<string, ImageVerb> = new Map([
  ['list', 'ls'],
  ['tags', 'ls'],
  ['cp', 'copy'],
  ['remove', 'rm'],
])

function checkFlags(verb: ImageVerb, given: LineInput['given']): void {
  for (const [option, verbs] of Object.entries(VERBS_OF_FLAG)) {
    const { name } = IMAGE_FLAGS[option as keyof ImageValues]
    if (!given.has(name) || verbs.includes(verb)) continue
    throw usageError(
      `Cannot use "--${name}" with xbuild image ${verb}: it belongs to ${verbs.map((one) => `xbuild image ${one}`).join(', ')}`,
    )
  }
}

/** An image of a registry whose tag or digest is written: `latest` is not removed by a name alone. */
function exactName(text: string): Reference {
  const name = parseImageName(text)
  const isExact = text.includes('@') || /:[^/]*$/.test(text.replace(/^docker:\/\//, ''))
  if (name.kind === 'registry' && isExact) return name.ref
  throw usageError(
    `Cannot rm "${text}": ${name.kind === 'registry' ? 'it has no tag or digest' : 'it is not in a registry'}`,
    'Write it like xbuild image rm REPO:TAG or REPO@DIGEST',
  )
}

/** A repository: a reference without tag and digest. */
function repositoryOf(verb: ImageVerb, text: string): Reference {
  const name = parseImageName(text)
  const isPlain = name.kind === 'registry' && !text.includes('@') && !/:[^/]*$/.test(text.replace(/^docker:\/\//, ''))
  if (name.kind === 'registry' && isPlain) return { host: name.ref.host, repository: name.ref.repository }
  throw usageError(
    `Cannot ${verb} "${text}": it is not the name of a repository alone`,
    `Write it like xbuild image ${verb} registry.example/team/app`,
  )
}

function oneName(verb: ImageVerb, names: readonly string[]): string {
  const [name, ...more] = names
  if (name !== undefined && more.length === 0) return name
  throw usageError(
    `Cannot ${verb} ${name === undefined ? 'an image: no name is given' : `"${names.join(' ')}": one name is needed`}`,
    `Write it like xbuild image ${verb} REF`,
  )
}
