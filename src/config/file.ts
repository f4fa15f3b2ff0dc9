import { compact } from '../compact.ts'
import { suggest } from '../did-you-mean.ts'
import { toXbuildError, type SourcePosition } from '../errors.ts'
import { parsePlatform } from '../platform.ts'
import { ConfigFileError } from './config-file-error.ts'
import { REGISTRY_KEYS } from './file-keys.ts'
import { readImages, type FileImage } from './file-images.ts'
import { readNodes } from './file-nodes.ts'
import { readPlatforms, type FilePlatform, type Report } from './file-platforms.ts'
import type { BuildFlag } from './flag.ts'
import { FLAGS, type FlagOption } from './flags.ts'
import type { NodeDefinition } from './node.ts'
import type { RegistryConfig } from './options.ts'
import { flagSetting, userOnly, type ProjectSetting } from './project.ts'
import { readBool } from './values.ts'
import { readYaml, type YamlEntry, type YamlValue } from './yaml.ts'

export { ConfigFileError }

/** `xbuild.yaml`, read: registries, and texts for flags that the command line did not give. */
export interface FileConfig {
  readonly registries: Readonly<Record<string, RegistryConfig>>
  readonly values: { readonly [K in FlagOption]?: readonly string[] }
  /** What is different for single platforms. */
  readonly platforms?: readonly FilePlatform[]
  /** Machines to build on. */
  readonly nodes?: readonly NodeDefinition[]
  /** Images that are built together. */
  readonly images?: readonly FileImage[]
}

/** A config file with each of its settings as it stands there. */
export interface ReadFile {
  readonly config: FileConfig
  readonly settings: readonly ProjectSetting[]
}

const HOST = /^(\[[0-9a-f:]+\]|[\w-]+(\.[\w-]+)*)(:\d{1,5})?$/i

const OPTION_OF_KEY: ReadonlyMap<string, FlagOption> = new Map(
  (Object.keys(FLAGS) as FlagOption[]).flatMap((option) =>
    FLAGS[option].key ? [[FLAGS[option].key, option] as const] : [],
  ),
)

/** Reads the text of `xbuild.yaml`; throws `ConfigFileError` with all problems found. */
export function parseConfigFile(text: string, file: string): FileConfig {
  return readConfigFile(text, file).config
}

/** The same, with what the file sets and where: for files that may not set everything. */
export function readConfigFile(text: string, file: string): ReadFile {
  const settings: ProjectSetting[] = []
  const { value, problems } = readYaml(text, file)
  const diagnostics = [...problems]
  const report: Report = (at, message, hint) =>
    void diagnostics.push({ rule: 'config', severity: 'error', message, at, ...(hint ? { hint } : {}) })
  const config =
    diagnostics.length === 0
      ? readRoot(value, { report, note: (one) => void settings.push(one), file })
      : { registries: {}, values: {} }
  if (diagnostics.length > 0) throw new ConfigFileError(file, diagnostics)
  return { config, settings }
}

/** Told every setting, in the order of the file. */
type Note = (setting: ProjectSetting) => void

/** What settings without a flag do, and where the user has them. */
const NO_FLAG = {
  registries: userOnly('it changes where images come from, and which servers are trusted as registries'),
  nodes: userOnly('it sends the context to another machine'),
}
const IN_USER_FILE = "Put it into the user's own config.yaml"

function readRoot(
  root: YamlValue,
  { report, note, file }: { readonly report: Report; readonly note: Note; readonly file: string },
): FileConfig {
  let registries: FileConfig['registries'] = {}
  let nodes: FileConfig['nodes']
  let images: FileConfig['images']
  let platforms: FileConfig['platforms']
  const values: { [K in FlagOption]?: readonly string[] } = {}
  for (const { key, value, at } of entriesOf(root, 'the file', report)) {
    const option = OPTION_OF_KEY.get(key)
    if (key === 'registries') registries = readRegistries(value, report, note)
    else if (key === 'nodes') {
      const entries = entriesOf(value, 'nodes', report)
      nodes = readNodes(entries, { report, origin: file })
      for (const { key: name, at } of entries)
        note({
          key: `nodes.${name}`,
          text: '',
          at,
          rule: NO_FLAG.nodes,
          instead: "Give --builder, or put it into the user's own config.yaml",
        })
    } else if (key === 'images') images = readImages(entriesOf(value, 'images', report), { report, note })
    else if (key === 'store' && value.kind === 'map') readStore(value.entries, values, { report, note })
    else if (key === 'platforms' && value.kind === 'map') {
      platforms = readPlatforms(value.entries, report, note)
      values.platforms = platforms.map(({ text }) => text)
    } else if (option) values[option] = readTexts(key, FLAGS[option], value, { report, note })
    else
      report(
        at,
        `Cannot use key "${key}": unknown`,
        hintFor(key, ['registries', 'nodes', 'images', ...OPTION_OF_KEY.keys()]),
      )
  }
  return {
    registries,
    values,
    ...compact({ platforms, nodes, images }),
  }
}

/** `store: {folder: ..., limit: 20GB}`. */
function readStore(
  entries: readonly YamlEntry[],
  values: { [K in FlagOption]?: readonly string[] },
  { report, note }: { readonly report: Report; readonly note: Note },
): void {
  for (const { key, value, at } of entries) {
    if (key === 'folder') values.store = readTexts(`store.${key}`, FLAGS.store, value, { report, note })
    else if (key === 'limit') values.storeLimit = readTexts(`store.${key}`, FLAGS.storeLimit, value, { report, note })
    else report(at, `Cannot use key "${key}" of store: unknown`, hintFor(key, ['folder', 'limit']))
  }
}

function readRegistries(value: YamlValue, report: Report, note: Note): Readonly<Record<string, RegistryConfig>> {
  return Object.fromEntries(
    entriesOf(value, 'registries', report).map(({ key: host, value: entry, at }) => {
      if (!HOST.test(host)) {
        report(
          at,
          `Cannot use registry "${host}": not a host name`,
          'Write it like registry.example or 127.0.0.1:5000, without https://',
        )
      }
      return [host, readRegistry(host, entry, report, note)]
    }),
  )
}

function readRegistry(host: string, value: YamlValue, report: Report, note: Note): RegistryConfig {
  let config: RegistryConfig = { mirrors: [] }
  for (const { key, value: setting, at } of entriesOf(value, `registry "${host}"`, report)) {
    const texts = Object.hasOwn(REGISTRY_KEYS, key) ? textsOf(setting, key, report).map(({ text }) => text) : []
    for (const text of texts)
      note({ key: `registries.${host}.${key}`, text, at, rule: NO_FLAG.registries, instead: IN_USER_FILE })
    if (texts.length > 1 && key !== 'mirrors')
      report(at, `Cannot use ${key}: one value is needed and there are ${texts.length}`)
    if (key === 'mirrors') config = { ...config, mirrors: readMirrors(setting, report) }
    else if (key === 'http') config = { ...config, http: readSwitch(key, texts, at, report) }
    else if (key === 'insecure') config = { ...config, insecure: readSwitch(key, texts, at, report) }
    else if (key === 'ca' && texts[0]) config = { ...config, ca: texts[0] }
    else if (key !== 'ca')
      report(at, `Cannot use key "${key}" of registry "${host}": unknown`, hintFor(key, Object.keys(REGISTRY_KEYS)))
  }
  return config
}

function readMirrors(value: YamlValue, report: Report): readonly string[] {
  const mirrors = textsOf(value, 'mirrors', report)
  for (const { text, at } of mirrors) {
    const [host = '', ...path] = text.split('/')
    if (HOST.test(host) && path.every((part) => /^[\w.-]+$/.test(part))) continue
    report(at, `Cannot use mirror "${text}": not a host name`, 'Write it like mirror.example:5000, without http://')
  }
  return mirrors.map(({ text }) => text)
}

function readSwitch(key: string, texts: readonly string[], at: SourcePosition, report: Report): boolean {
  const value = readBool(texts[0] ?? '')
  if (value === undefined) report(at, `Cannot use ${key} "${texts[0] ?? ''}": neither true nor false`)
  return value ?? false
}

function readTexts(
  key: string,
  flag: BuildFlag<unknown>,
  value: YamlValue,
  { report, note }: { readonly report: Report; readonly note: Note },
): readonly string[] {
  const located =
    flag.merge && value.kind === 'map'
      ? value.entries.flatMap((entry) => pairOf(entry, report))
      : textsOf(value, key, report)
  if (located.length > 1 && !flag.repeat)
    report(value.at, `Cannot use ${key}: one value is needed and there are ${located.length}`)
  for (const { text, at } of located) {
    try {
      flag.parse([text], { label: key, env: {}, localPlatform: parsePlatform('linux/amd64') })
    } catch (error) {
      const { message, hint } = toXbuildError(error)
      report(at, message, hint)
    }
    note(flagSetting(flag, { key, text, at }))
  }
  return located.map(({ text }) => text)
}

interface LocatedText {
  readonly text: string
  readonly at: SourcePosition
}

/** `NAME: value` as `NAME=value`; `NAME:` alone as `NAME`. */
function pairOf({ key, value, at }: YamlEntry, report: Report): LocatedText[] {
  if (value.kind === 'nothing') return [{ text: key, at }]
  return value.kind === 'text' ? [{ text: `${key}=${value.text}`, at }] : textsOf({ kind: 'nothing', at }, key, report)
}

function textsOf(value: YamlValue, key: string, report: Report): LocatedText[] {
  const items = value.kind === 'list' ? value.items : [value]
  return items.flatMap((item) => {
    if (item.kind === 'text') return [item]
    report(item.at, `Cannot use ${key}: a string is needed`)
    return []
  })
}

function entriesOf(value: YamlValue, what: string, report: Report): readonly YamlEntry[] {
  if (value.kind === 'map') return value.entries
  if (value.kind !== 'nothing')
    report(value.at, `Cannot use ${what}: keys and values are needed`, 'Write "key: value", one on each line')
  return []
}

function hintFor(word: string, known: readonly string[]): string {
  const near = suggest(word, known)
  return near ? `Did you mean "${near}"?` : `The keys are ${known.join(', ')}`
}
