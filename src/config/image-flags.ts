import { parseAnnotation, type Annotation } from '../oci/annotation.ts'
import { parseReference, type Reference } from '../oci/reference.ts'
import type { Platform } from '../platform.ts'
import * as read from './flag-values.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import { badValue, parseText } from './values.ts'

/** What the flags of `xbuild image` say; each belongs to some of its verbs. */
export interface ImageValues {
  readonly json: boolean
  readonly format?: 'json' | 'text' | undefined
  readonly raw: boolean
  readonly platforms: readonly Platform[]
  readonly tags: readonly Reference[]
  readonly files: readonly string[]
  readonly annotations: readonly Annotation[]
  readonly preferIndex: boolean
  readonly duplicates: boolean
  readonly append: boolean
  readonly dryRun?: boolean | undefined
  readonly metadataFile?: string | undefined
  readonly referrers: boolean
  readonly deep: boolean
  readonly key?: string | undefined
  readonly fulcioUrl?: string | undefined
  readonly rekorUrl?: string | undefined
  readonly timestampUrl?: string | undefined
  readonly signingConfig?: string | undefined
  readonly trustedRoot?: string | undefined
  readonly certificateIdentity?: string | undefined
  readonly certificateIssuer?: string | undefined
  readonly force: boolean
  readonly allowPlatformDrop: boolean
  readonly yes: boolean
  readonly except: readonly string[]
  readonly store?: string | undefined
}

/** What can be done with published images. */
export const IMAGE_VERBS = ['inspect', 'ls', 'create', 'copy', 'verify', 'sign', 'audit', 'rm', 'prune'] as const

/** One of them. */
export type ImageVerb = (typeof IMAGE_VERBS)[number]

/** The verbs that each flag belongs to. */
export const VERBS_OF_FLAG: Readonly<Record<keyof ImageValues, readonly ImageVerb[]>> = {
  json: ['inspect', 'ls', 'copy', 'verify', 'sign', 'audit', 'rm', 'prune'],
  format: ['inspect', 'ls', 'copy', 'verify', 'sign', 'audit', 'rm', 'prune'],
  raw: ['inspect'],
  platforms: ['inspect', 'create', 'audit'],
  tags: ['create'],
  files: ['create'],
  annotations: ['create'],
  preferIndex: ['create'],
  duplicates: ['create'],
  append: ['create'],
  dryRun: ['create', 'rm', 'prune'],
  metadataFile: ['create'],
  referrers: ['inspect', 'copy', 'verify'],
  deep: ['verify'],
  key: ['verify', 'sign'],
  fulcioUrl: ['sign'],
  rekorUrl: ['sign'],
  timestampUrl: ['sign'],
  signingConfig: ['sign'],
  trustedRoot: ['verify', 'sign'],
  certificateIdentity: ['verify'],
  certificateIssuer: ['verify'],
  force: ['create', 'copy', 'rm'],
  allowPlatformDrop: ['create', 'copy'],
  yes: ['prune'],
  except: ['audit'],
  store: ['audit'],
}

/** Every flag of `xbuild image`. */
export const IMAGE_FLAGS: { readonly [K in keyof ImageValues]-?: Flag<ImageValues[K]> } = {
  tags: {
    name: 'tag',
    short: 't',
    placeholder: 'REF',
    repeat: true,
    group: 'common',
    help: 'Name to give to the image',
    absent: [],
    parse: (texts, input) => read.tags(texts, input).map(parseReference),
  },
  platforms: {
    name: 'platform',
    placeholder: 'OS/ARCH[/VARIANT]',
    repeat: true,
    group: 'common',
    help: 'Only these platforms; attestations of others are left out with them',
    absent: [],
    parse: read.platforms,
  },
  files: {
    name: 'file',
    short: 'f',
    placeholder: 'FILE',
    repeat: true,
    group: 'common',
    help: 'Read a source from a file: a descriptor as JSON, or a reference or digest; - is standard input',
    absent: [],
    parse: (texts, { label }) => texts.map((text) => parseText(text, label)),
  },
  annotations: {
    name: 'annotation',
    placeholder: 'LEVEL:KEY=VALUE',
    repeat: true,
    group: 'common',
    help: 'Annotate the index (index:), or its entries (manifest-descriptor: or manifest-descriptor[PLATFORM]:)',
    absent: [],
    parse: (texts, { label }) => texts.map((text) => annotation(text, label)),
  },
  append: {
    name: 'append',
    group: 'common',
    help: 'Add the images to what the tags stand for, in the place of those for the same platforms; many may do that at once',
    absent: false,
    parse: read.bool,
  },
  dryRun: {
    name: 'dry-run',
    group: 'common',
    help: 'Print what would be done, and change nothing',
    absent: undefined,
    parse: read.bool,
  },
  metadataFile: {
    name: 'metadata-file',
    placeholder: 'FILE',
    group: 'common',
    help: 'Write the digest and the names of the image to a file, as JSON',
    absent: undefined,
    parse: read.text,
  },
  preferIndex: {
    name: 'prefer-index',
    group: 'common',
    help: 'Make an index of a single image, too; false: take it as it is',
    default: 'true',
    absent: true,
    parse: read.bool,
  },
  duplicates: {
    name: 'allow-duplicates',
    group: 'common',
    help: 'Allow two images for one platform in an index: readers take the first',
    absent: false,
    parse: read.bool,
  },
  referrers: {
    name: 'referrers',
    group: 'common',
    help: 'Show, copy or check signatures and whatever else refers to the image, too; false: leave them',
    default: 'true',
    absent: true,
    parse: read.bool,
  },
  deep: {
    name: 'deep',
    group: 'common',
    help: 'Read every blob and compare it with its digest; otherwise only its size is asked for',
    absent: false,
    parse: read.bool,
  },
  key: {
    name: 'key',
    placeholder: 'FILE|env://NAME',
    group: 'common',
    help: 'sign: the private key, in PEM (absent: keyless, with an identity token); verify: the key, whose public half must have signed the image',
    absent: undefined,
    parse: read.text,
  },
  fulcioUrl: {
    name: 'fulcio-url',
    placeholder: 'URL',
    group: 'common',
    help: 'Without a key: the authority that makes certificates for identity tokens',
    default: 'https://fulcio.sigstore.dev',
    absent: undefined,
    parse: read.text,
  },
  rekorUrl: {
    name: 'rekor-url',
    placeholder: 'URL',
    group: 'common',
    help: 'Without a key: the transparency log',
    default: 'https://rekor.sigstore.dev',
    absent: undefined,
    parse: read.text,
  },
  timestampUrl: {
    name: 'timestamp-server-url',
    placeholder: 'URL',
    group: 'common',
    help: 'Without a key: a time stamp authority (RFC 3161), too; needs --trusted-root',
    absent: undefined,
    parse: read.text,
  },
  signingConfig: {
    name: 'signing-config',
    placeholder: 'FILE',
    group: 'common',
    help: 'Without a key: the services, as cosign signing-config create writes them',
    default: 'what cosign keeps in ~/.sigstore',
    absent: undefined,
    parse: read.text,
  },
  trustedRoot: {
    name: 'trusted-root',
    placeholder: 'FILE',
    group: 'common',
    help: 'Authorities, logs and clocks that are believed, as cosign trusted-root create writes them',
    default: 'what cosign keeps in ~/.sigstore',
    absent: undefined,
    parse: read.text,
  },
  certificateIdentity: {
    name: 'certificate-identity',
    placeholder: 'NAME',
    group: 'common',
    help: 'The image must be signed by this identity: a mail address, or the URI of a workflow',
    absent: undefined,
    parse: read.text,
  },
  certificateIssuer: {
    name: 'certificate-oidc-issuer',
    placeholder: 'URL',
    group: 'common',
    help: 'The OIDC issuer that has confirmed this identity, like https://token.actions.githubusercontent.com',
    absent: undefined,
    parse: read.text,
  },
  except: {
    name: 'audit-except',
    placeholder: 'PATTERN',
    repeat: true,
    group: 'common',
    help: 'Paths in the image that the audit leaves alone, like /opt/firmware/**',
    absent: [],
    parse: read.patterns,
  },
  force: {
    name: 'force',
    group: 'common',
    help: 'create, copy: move tags also when somebody else changes them meanwhile; rm: remove a digest though tags lead to it, which go with it or are broken',
    absent: false,
    parse: read.bool,
  },
  allowPlatformDrop: {
    name: 'allow-platform-drop',
    group: 'common',
    help: 'Move a tag although its image has platforms that the new image lacks',
    absent: false,
    parse: read.bool,
  },
  yes: {
    name: 'yes',
    short: 'y',
    group: 'common',
    help: 'Remove what is listed; the same as --dry-run=false',
    absent: false,
    parse: read.bool,
  },
  raw: { name: 'raw', group: 'common', help: 'Print the index or manifest itself', absent: false, parse: read.bool },
  json: { name: 'json', group: 'common', help: 'Print JSON', absent: false, parse: read.bool },
  format: {
    name: 'format',
    placeholder: 'json|text',
    group: 'common',
    help: 'The same as --json, as docker spells it',
    absent: undefined,
    parse: (texts, { label }) => format(texts.at(-1) ?? '', label),
  },
  store: FLAGS.store,
}

function annotation(text: string, label: string): Annotation {
  const found = parseAnnotation(text)
  const level = found.levels.find((one) => one !== 'index' && one !== 'manifest-descriptor')
  if (level === undefined) return found
  throw badValue(
    label,
    text,
    level === 'manifest'
      ? 'it would change the manifests, and so their digests'
      : `an image in a registry has no ${level}`,
    'Write index:KEY=VALUE or manifest-descriptor[PLATFORM]:KEY=VALUE',
  )
}

function format(text: string, label: string): 'json' | 'text' {
  if (text === 'json' || text === '{{json .}}') return 'json'
  if (text === 'text' || text === '') return 'text'
  throw badValue(label, text, 'templates are not supported', 'Use --format json, and jq for parts of it')
}
