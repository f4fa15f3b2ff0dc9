import { toXbuildError } from '../../errors.ts'
import { parseAnnotation } from '../../oci/annotation.ts'
import { parsePlatform } from '../../platform.ts'
import type { FlagInput } from '../flag-values.ts'
import { shmSize, ulimits } from '../run-values.ts'
import { withoutLoginsOf } from '../images/print.ts'
import { FIELDS, type BakeGroup, type BakeTarget, type BakeVariable, type BakeConfig, type Field } from './fields.ts'
import { tabTable } from './tab-table.ts'

type Json = Record<string, unknown>

/**
 * Targets and groups as JSON, in the form of `docker buildx bake --print`; ends in a newline. Throws
 * BAD_OPTION and BAD_PLATFORM for values that buildx refuses to print.
 */
export function printBake({
  targets,
  groups,
}: {
  readonly targets: readonly BakeTarget[]
  readonly groups: readonly BakeGroup[]
}): string {
  const group = groups.map(
    ({ name, description, targets: members, unlisted }) =>
      [
        name,
        {
          ...(description ? { description } : {}),
          targets: unlisted && members.length === 0 ? null : members,
        },
      ] as const,
  )
  for (const each of targets) checkFields(each)
  const target = targets.map((each) => [each.name, withoutLoginsOf(targetJson(each))] as const)
  return goJson({ ...(group.length > 0 ? { group: byName(group) } : {}), target: byName(target) })
}

/** Only the build knows which systems and architectures there are, in the form SYSTEM/ARCHITECTURE. */
const SHAPED = /^[\w.-]+(?:\([\w.+%-]*\))?(?:\/[\w.-]+){1,2}$/

function checkPlatform(value: string): void {
  for (const text of value.split(','))
    if (text !== 'local' && !SHAPED.test(text)) parsePlatform(text, { os: 'linux', architecture: 'amd64' })
}

/** What buildx checks before it prints. */
const CHECKS: Readonly<Record<string, (text: string) => unknown>> = {
  platforms: checkPlatform,
  annotations: parseAnnotation,
  ulimits: (text) => ulimits([text], { label: 'ulimits' } as FlagInput),
  'shm-size': (text) => shmSize([text], { label: 'shm-size' } as FlagInput),
}

function checkFields({ fields }: BakeTarget): void {
  for (const [name, check] of Object.entries(CHECKS)) {
    const field = fields.get(name)
    const texts = field?.kind === 'texts' ? field.items : field?.kind === 'text' ? [field.said] : []
    for (const { value, at } of texts) {
      try {
        check(value)
      } catch (error) {
        throw at ? toXbuildError(error).with({ at }) : error
      }
    }
  }
}

function byName(entries: readonly (readonly [string, unknown])[]): Json {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

// Go escapes these, so that HTML may contain the text
function goJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}

/** A target in the order of buildx; what is printed may be read again, so templates are escaped. */
export function targetJson({ fields }: BakeTarget): Json {
  const json: Json = {}
  for (const name of Object.keys(FIELDS)) {
    const value = fieldJson(name, fields.get(name))
    if (value !== undefined) json[name] = value
  }
  return json
}

const ESCAPED = ['annotations', 'dockerfile-inline', 'args', 'labels', 'extra-hosts']

function fieldJson(name: string, field: Field | undefined): unknown {
  const shown = (text: string) =>
    ESCAPED.includes(name) ? text.replace(/[$%]\{/g, (sign) => `${sign[0]}${sign}`) : text
  switch (field?.kind) {
    case undefined:
      return undefined
    case 'text':
      return name === 'description' && field.said.value === '' ? undefined : shown(field.said.value)
    case 'flag':
    case 'resources':
      return field.said.value
    case 'texts':
      return field.items.length === 0 ? undefined : field.items.map(({ value }) => shown(value))
    case 'entries':
      return field.items.length === 0 ? undefined : field.items.map(({ value }) => value)
    case 'record': {
      const entries = [...field.entries].map(([key, { value }]) => [key, value === null ? null : shown(value)] as const)
      return entries.length === 0 ? undefined : byName(entries)
    }
  }
}

/** Targets and groups as a list; names that begin with "_" are private. */
export function listTargets({ targets, groups }: BakeConfig, format: 'table' | 'json'): string {
  const rows = [
    ...targets.map(({ name, fields }) => {
      const description = fields.get('description')
      return { name, description: description?.kind === 'text' ? description.said.value : '', group: false }
    }),
    ...groups.map(({ name, description = '', targets: members }) => {
      const names = members.toSorted().join(', ')
      return {
        name,
        description: description && names ? `${description} (${names})` : description || names,
        group: true,
      }
    }),
  ]
    .filter(({ name }) => !name.startsWith('_'))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  if (format === 'json')
    return goJson(
      rows.map(({ name, description, group }) => ({
        name,
        ...(description ? { description } : {}),
        ...(group ? { group } : {}),
      })),
    )
  return tabTable([['TARGET', 'DESCRIPTION'], ...rows.map(({ name, description }) => [name, description])])
}

/** Variables as a list. */
export function listVariables(variables: readonly BakeVariable[], format: 'table' | 'json'): string {
  if (format === 'json')
    return goJson(
      variables.map(({ name, description, type, value }) => ({
        name,
        ...(description ? { description } : {}),
        ...(type ? { type } : {}),
        ...(value === null ? {} : { value }),
      })),
    )
  const rows = variables.map((each) => [each.name, each.type, each.value ?? '<null>', each.description])
  return tabTable([['VARIABLE', 'TYPE', 'VALUE', 'DESCRIPTION'], ...rows])
}
