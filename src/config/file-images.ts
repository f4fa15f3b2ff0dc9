import { compact } from '../compact.ts'
import { suggest } from '../did-you-mean.ts'
import { toXbuildError, type SourcePosition } from '../errors.ts'
import { parsePlatform } from '../platform.ts'
import { parseBuildContext } from './build-context.ts'
import { readPlatforms, type FilePlatform, type Report } from './file-platforms.ts'
import { FLAGS } from './flags.ts'
import { IMAGE_KEYS, OTHER_NAMES, type ImageKey } from './images/keys.ts'
import { cutCwd, isRemoteContext } from './images/options.ts'
import { isAbsolutePath, joinPath } from './images/paths.ts'
import type { Placed } from './images/target.ts'
import type { Claim, ProjectRule, ProjectSetting } from './project.ts'
import { readsContext } from './project-rules.ts'
import { badValue, parseAttributes, parseText } from './values.ts'
import type { YamlEntry, YamlValue } from './yaml.ts'

/** An image of `images: {NAME: {...}}`: its texts by key, read when the environment is known. */
export interface FileImage {
  readonly name: string
  readonly at: SourcePosition
  readonly texts: Readonly<Record<string, readonly Placed[]>>
  /** `platforms` with settings for each. */
  readonly platforms?: readonly FilePlatform[]
}

/** How images are read: problems and settings go to these. */
export interface ImageEdges {
  readonly report: Report
  readonly note: (setting: ProjectSetting) => void
}

const LOCAL = parsePlatform('linux/amd64')

/** Whether their variables are set is known when the image is built. */
const READ_LATER = ['secrets', 'ssh']

/** Reads every image; what is wrong is reported, each at its place. */
export function readImages(entries: readonly YamlEntry[], edges: ImageEdges): FileImage[] {
  const { report } = edges
  if (entries.length > MAX_IMAGES) report(entries[0]!.at, `Cannot use images: there are more than ${MAX_IMAGES}`)
  const images = entries.slice(0, MAX_IMAGES).map((entry) => readImage(entry, edges))
  const names = images.map(({ name }) => name)
  for (const { texts } of images)
    for (const { value, at } of texts['contexts'] ?? []) {
      const image = /^[^=]*=target:(.*)$/s.exec(value)?.[1]
      if (image === undefined || names.includes(image)) continue
      const near = suggest(image, names)
      const hint = near ? `Did you mean "${near}"?` : `The images are ${names.join(', ')}`
      report(at, `Cannot use contexts "${value}": there is no image of that name`, hint)
    }
  return images
}

const MAX_IMAGES = 2000

function readImage({ key: name, value, at }: YamlEntry, { report, note }: ImageEdges): FileImage {
  if (!/^\w[\w.-]{0,127}$/.test(name))
    report(at, `Cannot use image "${name}": it is no name`, 'Use letters, digits, "_", "." and "-"')
  if (value.kind === 'text' || value.kind === 'list')
    report(value.at, `Cannot use image "${name}": keys and values are needed`, 'Write it like web: {context: web}')
  const texts: Record<string, readonly Placed[]> = {}
  let overridden: { readonly entries: readonly YamlEntry[] } | undefined
  for (const entry of value.kind === 'map' ? value.entries : []) {
    const key = Object.hasOwn(IMAGE_KEYS, entry.key) ? IMAGE_KEYS[entry.key] : undefined
    if (!key) reportUnknown(name, entry, report)
    else if (entry.key === 'platforms' && entry.value.kind === 'map') overridden = entry.value
    else texts[entry.key] = readKey(entry, key, report)
  }
  const both = ['dockerfile', 'dockerfile-inline'].map((key) => texts[key]?.[0])
  if (both.every(Boolean))
    report(
      both[1]!.at,
      `Cannot use dockerfile-inline of image "${name}": there is a dockerfile, too`,
      'Keep one of the two',
    )
  const context = cutCwd(texts['context']?.[0]?.value ?? '.')
  const prefix = `images.${name}.`
  const platforms = overridden && readPlatforms(overridden.entries, report, (setting) => note(placed(setting)))
  if (platforms) texts['platforms'] = platforms.map(({ text, at }) => ({ value: text, at: at.platform! }))
  for (const [key, said] of Object.entries(texts))
    for (const { value: text, at } of said)
      note({
        key: prefix + key,
        text: claimedText(key, text, context),
        at,
        rule: ruleOf(key, context),
        instead: INSTEAD,
      })
  return { name, at, texts, ...compact({ platforms }) }

  function placed(setting: ProjectSetting): ProjectSetting {
    const { key, text } = setting
    return {
      ...setting,
      key: prefix + key,
      text: key.endsWith('.dockerfile') ? inContext(text, context) : text,
      instead: INSTEAD,
    }
  }
}

const INSTEAD = 'Name the file with --config'

function reportUnknown(image: string, { key, at }: YamlEntry, report: Report): void {
  const known = Object.keys(IMAGE_KEYS)
  const near = Object.hasOwn(OTHER_NAMES, key) ? OTHER_NAMES[key] : suggest(key, known)
  report(
    at,
    `Cannot use key "${key}" of image "${image}": unknown`,
    near ? `Did you mean "${near}"?` : `The keys are ${known.join(', ')}`,
  )
}

function readKey({ key, value, at }: YamlEntry, { shape, option }: ImageKey, report: Report): Placed[] {
  const texts =
    shape === 'pairs' || shape === 'hosts' ? pairsOf(key, value, at, report) : textsOf(key, value, shape, report)
  for (const { value: text, at } of texts) {
    try {
      if (key === 'contexts' && isTarget(text)) continue
      if (key === 'context') checkContext(text)
      else if (!option) parseText(text, key)
      else if (!READ_LATER.includes(key))
        FLAGS[option].parse([key === 'contexts' ? cutContext(text) : text], {
          label: key,
          env: {},
          localPlatform: LOCAL,
        })
    } catch (error) {
      const { message, hint } = toXbuildError(error)
      report(at, message, hint)
    }
  }
  return texts
}

function textsOf(key: string, value: YamlValue, shape: ImageKey['shape'], report: Report): Placed[] {
  if (value.kind === 'list' && shape !== 'texts') {
    report(value.at, `Cannot use ${key}: one value is needed`)
    return []
  }
  const items = value.kind === 'list' ? value.items : [value]
  return items.flatMap((item) => {
    if (item.kind === 'text') return [{ value: item.text, at: item.at }]
    report(item.at, `Cannot use ${key}: a text is needed`)
    return []
  })
}

/** `{NAME: VALUE}`, or a list of `NAME=VALUE`; `NAME:` alone is `NAME`. */
function pairsOf(key: string, value: YamlValue, at: SourcePosition, report: Report): Placed[] {
  if (value.kind === 'list' || value.kind === 'text') return textsOf(key, value, 'texts', report)
  if (value.kind === 'map')
    return value.entries.flatMap(({ key: name, value: item, at }) => {
      if (item.kind === 'nothing') return [{ value: name, at }]
      if (item.kind === 'text') return [{ value: `${name}=${item.text}`, at }]
      report(item.at, `Cannot use ${key} of "${name}": a text is needed`)
      return []
    })
  report(at, `Cannot use ${key}: names and values are needed`, 'Write {NAME: VALUE}')
  return []
}

/** `NAME=cwd://FOLDER` as the flag has it. */
function cutContext(text: string): string {
  const equals = text.indexOf('=')
  return equals === -1 ? text : `${text.slice(0, equals)}=${cutCwd(text.slice(equals + 1))}`
}

/** Whether a context is another image of the file. */
function isTarget(text: string): boolean {
  return /^[^=]+=target:./s.test(text)
}

/** A path of an image as it is seen from the folder of the run. */
export function inContext(path: string, context: string): string {
  if (path.startsWith('cwd://')) return cutCwd(path)
  if (isAbsolutePath(path) || /^https?:\/\//i.test(path) || isRemoteContext(context)) return path
  return joinPath(context, path)
}

function claimedText(key: string, text: string, context: string): string {
  return key === 'dockerfile' ? inContext(text, context) : key === 'context' ? context : text
}

/** What a file of the project may say here: as of the flag, but for what is looked up in the context. */
function ruleOf(key: string, context: string): ProjectRule {
  if (key === 'context') return (text) => claimsOf(readsContext, `context=${text}`)
  if (key === 'dockerfile' && isRemoteContext(context)) return 'free'
  if (key === 'contexts')
    return (text) => {
      const [, name, value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? []
      return value.startsWith('target:') ? [] : claimsOf(readsContext, `${name}=${cutCwd(value)}`)
    }
  if (key === 'secrets') return secretClaims
  const { option } = IMAGE_KEYS[key]!
  return option ? FLAGS[option].project : 'free'
}

function claimsOf(rule: ProjectRule, text: string): readonly Claim[] {
  return rule === 'free' ? [] : rule(text)
}

/** A file that is named is as every other file; what may come from the environment is the user's. */
const secretClaims: ProjectRule = (text) => {
  const fields = new Map(/[=,]/.test(text) ? parseAttributes(text, 'secrets') : [])
  const path = fields.get('src') ?? fields.get('source')
  if (path !== undefined && fields.get('type') !== 'env' && !fields.has('env')) return [{ kind: 'read', path }]
  return [{ kind: 'user', why: "it takes a secret from the user's environment" }]
}

/** Throws BAD_OPTION for what is no folder and no URL. */
function checkContext(text: string): void {
  parseText(text, 'context')
  if (/^(?:docker-image|oci-layout):/i.test(text))
    throw badValue('context', text, 'it is an image', 'Name a folder or a URL; images belong to contexts')
  parseBuildContext(`context=${cutCwd(text)}`, 'context')
}
