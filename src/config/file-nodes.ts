import { toXbuildError } from '../errors.ts'
import { suggest } from '../did-you-mean.ts'
import { NODE_KEYS } from './file-keys.ts'
import type { Report } from './file-platforms.ts'
import { type NodeDefinition, parseNode } from './node.ts'
import type { YamlEntry, YamlValue } from './yaml.ts'

const KEYS = Object.keys(NODE_KEYS)

/**
 * Reads `nodes: {NAME: ENDPOINT}`, or with more settings than that: `{NAME: {endpoint: ..., platforms: [...], slots:
 * 2}}`.
 */
export function readNodes(
  entries: readonly YamlEntry[],
  { report, origin }: { readonly report: Report; readonly origin: string },
): NodeDefinition[] {
  return entries.flatMap(({ key: name, value, at }) => {
    const settings = settingsOf(name, value, report)
    if (settings.endpoint === undefined) {
      report(at, `Cannot use node "${name}": it has no endpoint`, 'Write it like board: ssh://user@board.example')
      return []
    }
    try {
      return [parseNode(name, { ...settings, endpoint: settings.endpoint }, origin)]
    } catch (error) {
      const { message, hint } = toXbuildError(error)
      report(at, message, hint)
      return []
    }
  })
}

interface Settings {
  endpoint?: string
  platforms?: readonly string[]
  slots?: string
  packs?: string
}

function settingsOf(name: string, value: YamlValue, report: Report): Settings {
  if (value.kind === 'text') return { endpoint: value.text }
  if (value.kind !== 'map') return {}
  const settings: Settings = {}
  for (const { key, value: setting, at } of value.entries) {
    const texts = setting.kind === 'list' ? setting.items : [setting]
    if (key === 'platforms' && texts.every((item) => item.kind === 'text'))
      settings.platforms = texts.map((item) => (item.kind === 'text' ? item.text : ''))
    else if ((key === 'endpoint' || key === 'slots' || key === 'packs') && setting.kind === 'text')
      settings[key] = setting.text
    else if (KEYS.includes(key)) report(at, `Cannot use ${key} of node "${name}": a string is needed`)
    else {
      const near = suggest(key, KEYS)
      report(
        at,
        `Cannot use key "${key}" of node "${name}": unknown`,
        near ? `Did you mean "${near}"?` : `The keys are ${KEYS.join(', ')}`,
      )
    }
  }
  return settings
}
