import { nodeAt, textOf, type ComposeEntries, type ComposeMap, type ComposeNode, type Report } from './node.ts'

/** Reports secrets, configs, volumes and networks whose keys do not go together. */
export function checkSections(file: ComposeMap, report: Report): void {
  checkSecrets(file, report)
  for (const [name, { at, value }] of entriesOf(file, 'secrets'))
    if (givenBy(value, ['file', 'environment']) > 1)
      report(at, `Cannot use the secret "${name}": file and environment exclude each other`)
  for (const [name, { at, value }] of entriesOf(file, 'configs')) {
    if (value.kind === 'null') continue
    const sources = givenBy(value, ['file', 'environment', 'content'])
    const isElsewhere = nodeAt(value, 'driver') ?? nodeAt(value, 'external')
    if (sources > 1) report(at, `Cannot use the config "${name}": file, environment and content exclude each other`)
    if (sources === 0 && !isElsewhere)
      report(at, `Cannot use the config "${name}": it says none of file, environment and content`)
  }
  for (const [name, { value }] of entriesOf(file, 'volumes')) {
    if (!isTrue(nodeAt(value, 'external')) || value.kind !== 'map') continue
    const [other] = [...value.entries].filter(([key]) => !/^(?:name|external$|x-)/.test(key))
    if (other) report(other[1].at, `Cannot use the volume "${name}": it is external, and ${other[0]} is said`)
  }
}

/** Reports secrets that nobody gives. */
export function checkSecrets(file: ComposeMap, report: Report): void {
  for (const [name, { at, value }] of entriesOf(file, 'secrets')) {
    const isGiven = nodeAt(value, 'file') ?? textOf(nodeAt(value, 'environment'))
    const external = nodeAt(value, 'external')
    if (!isGiven && !isTrue(external) && external?.kind !== 'map')
      report(at, `Cannot use the secret "${name}": it says neither file nor environment`)
  }
}

function entriesOf(file: ComposeMap, section: string): ComposeEntries {
  const node = nodeAt(file, section)
  return node?.kind === 'map' ? node.entries : new Map()
}

function givenBy(node: ComposeNode, keys: readonly string[]): number {
  return keys.filter((key) => nodeAt(node, key)).length
}

function isTrue(node: ComposeNode | undefined): boolean {
  return /^(?:true|y|yes|on)$/i.test(textOf(node) ?? '')
}
