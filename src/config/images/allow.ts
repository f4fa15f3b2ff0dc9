import { distinctBy } from '../../distinct.ts'
import { suggest } from '../../did-you-mean.ts'
import type { Diagnostic } from '../../errors.ts'
import type { Ask, Claim, Judge } from '../project.ts'
import { badValue } from '../values.ts'
import type { ImageSetting } from './settings.ts'

/** What the user grants to the files of a project, as `--allow` says it. */
export interface Grants {
  /** Folders and files to read, and to write; `*` is any. */
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Other rights, like `ssh`, `network.host` or `secret=NAME`. */
  readonly rights: readonly string[]
}

/** Rights, and whether a value narrows them. `cache`, `limits` and `secret` are beyond those of buildx. */
const RIGHTS: Readonly<Record<string, boolean>> = {
  'network.host': false,
  'security.insecure': false,
  device: true,
  fs: true,
  'fs.read': true,
  'fs.write': true,
  image: true,
  'image.push': true,
  'image.load': true,
  ssh: false,
  cache: false,
  limits: false,
  secret: true,
}

/** Reads every `--allow RIGHT[=VALUE]`, in buildx's words. Throws BAD_OPTION. */
export function parseAllow(texts: readonly string[], label: string): Grants {
  const read: string[] = []
  const write: string[] = []
  const rights: string[] = []
  for (const text of texts) {
    const equals = text.indexOf('=')
    const [name, value] = equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
    const narrows = Object.hasOwn(RIGHTS, name) ? RIGHTS[name] : undefined
    if (narrows === undefined) {
      const near = suggest(name, Object.keys(RIGHTS))
      throw badValue(
        label,
        text,
        'there is no such right',
        near ? `Did you mean ${near}?` : `The rights are ${Object.keys(RIGHTS).join(', ')}`,
      )
    }
    if (value !== undefined && !narrows) throw badValue(label, text, `${name} takes no value`, `Write ${label} ${name}`)
    if (!name.startsWith('fs')) rights.push(...withParts(name, value))
    else if (!value) throw badValue(label, text, 'the path is missing', `Write ${label} ${name}=FOLDER`)
    else {
      if (name !== 'fs.write') read.push(value)
      if (name !== 'fs.read') write.push(value)
    }
  }
  return { read, write, rights }
}

/** `image` is both of its parts; no value, or `*`, is any. */
function withParts(name: string, value: string | undefined): string[] {
  const names = name === 'image' ? ['image.push', 'image.load'] : [name]
  return names.map((one) => (value === undefined || value === '*' ? one : `${one}=${value}`))
}

/**
 * What files ask for and nobody has granted; `judge` knows the project's folder and the granted paths. The same thing
 * once.
 */
export function openAsks(settings: readonly ImageSetting[], { rights }: Grants, judge: Judge): Ask[] {
  const isGranted = (right: string | undefined) =>
    right !== undefined && (rights.includes(right) || rights.includes(right.split('=')[0]!))
  const asks = settings.flatMap(({ rule, right, ...setting }) => {
    const claims = rule === 'free' ? [] : rule(setting.text)
    return claims.flatMap((claim): Ask[] => {
      if (claim.kind === 'user' && isGranted(right)) return []
      const why = claim.kind === 'user' ? claim.why : judge(claim)
      return why === undefined ? [] : [{ ...setting, why, instead: `--allow ${grantOf(claim, right)}` }]
    })
  })
  return distinctBy(asks, (ask) => JSON.stringify(ask))
}

function grantOf(claim: Claim, right: string | undefined): string {
  return claim.kind === 'read' || claim.kind === 'write' ? `fs.${claim.kind}=${claim.path}` : (right ?? '')
}

/** The errors for what nobody has granted. */
export function askProblems(asks: readonly Ask[]): Diagnostic[] {
  return asks.map(({ key, text, at, why, instead }) => ({
    rule: 'allow',
    severity: 'error',
    message: `Cannot let a file of the project set ${key} "${text}": ${why}`,
    at,
    hint: `Give ${instead} when you trust the file, or accept it with xbuild trust ${at.file}`,
  }))
}
