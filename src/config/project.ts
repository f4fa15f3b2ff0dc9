import type { Diagnostic, SourcePosition } from '../errors.ts'

/**
 * What a setting would do to the machine of whoever runs xbuild. A file of the project may ask for it: `xbuild.yaml`
 * in the current folder, which a stranger may have written.
 */
export type Claim =
  /** A path, harmless inside of the project's folder; `folder`: more than one file is written there. */
  | { readonly kind: 'read' | 'write'; readonly path: string; readonly folder?: boolean }
  /** A program that runs outside of the sandbox. */
  | { readonly kind: 'run'; readonly program: string }
  /** Only the user may say so. */
  | { readonly kind: 'user'; readonly why: string }

/** What a file of the project may say: anything, or what one text of the setting claims. */
export type ProjectRule = 'free' | ((text: string) => readonly Claim[])

/** One text of a setting as it stands in a file. */
export interface ProjectSetting {
  /** As the file has it, like `registries.docker.io.mirrors`. */
  readonly key: string
  readonly text: string
  readonly at: SourcePosition
  readonly rule: ProjectRule
  /** What the user may write instead. */
  readonly instead: string
}

/** Something that only the user may grant. */
export interface Ask {
  readonly key: string
  readonly text: string
  readonly at: SourcePosition
  readonly why: string
  readonly instead: string
}

/** Looks at the disk: why a claim is more than the project's folder, or nothing. */
export type Judge = (claim: Exclude<Claim, { kind: 'user' }>) => string | undefined

/** The rule of a setting that only the user may give. */
export function userOnly(why: string): ProjectRule {
  return () => [{ kind: 'user', why }]
}

/** A setting that has a flag. */
export function flagSetting(
  {
    name,
    placeholder,
    project,
  }: { readonly name: string; readonly placeholder?: string; readonly project: ProjectRule },
  { key, text, at }: Pick<ProjectSetting, 'key' | 'text' | 'at'>,
): ProjectSetting {
  const instead = placeholder === undefined ? `Give --${name}` : `Give --${name} ${text}`
  return { key, text, at, rule: project, instead }
}

/** What a file asks for beyond the things that a project may say; the same thing once. */
export function asksOf(settings: readonly ProjectSetting[], judge: Judge): Ask[] {
  const asks = settings.flatMap(({ rule, ...setting }) => {
    const claims = rule === 'free' ? [] : rule(setting.text)
    return claims.flatMap((claim): Ask[] => {
      const why = claim.kind === 'user' ? claim.why : judge(claim)
      return why === undefined ? [] : [{ ...setting, why }]
    })
  })
  return [...new Map(asks.map((ask) => [`${askName(ask)} ${ask.at.line}`, ask])).values()]
}

/** An ask in one line, by which it is known again. */
export function askName({ key, text, why }: Pick<Ask, 'key' | 'text' | 'why'>): string {
  return `${key}${text === '' ? '' : ` "${text}"`}: ${why}`
}

/** The errors for what was not granted. */
export function askErrors(asks: readonly Ask[]): Diagnostic[] {
  return asks.map(({ key, text, at, why, instead }) => ({
    rule: 'project',
    severity: 'error',
    message: `Cannot let a file of the project set ${key}${text === '' ? '' : ` "${text}"`}: ${why}`,
    at,
    hint: `${instead}, or accept the file with xbuild trust`,
  }))
}
