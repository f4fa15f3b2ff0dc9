import { compact } from '../compact.ts'
import { textTable } from '../config/text-table.ts'
import type { Outline, Parameter, Target } from '../dockerfile/outline.ts'
import { pageOf, RULES } from '../dockerfile/checks/rules.ts'
import type { Diagnostic, SourcePosition } from '../errors.ts'
import { formatDiagnostics, type ErrorStyle } from './error.ts'
import { cleanLine, count } from './text.ts'

/** A Dockerfile and what was asked about it. */
export interface Answered {
  readonly file: string
  readonly text: string
}

/** What a check found, each with its lines, and how many there are. Ends in a newline. */
export function formatCheck(found: readonly Diagnostic[], file: string, style: ErrorStyle): string {
  const errors = found.filter(({ severity }) => severity === 'error').length
  const warnings = found.length - errors
  const counts = [errors > 0 ? count(errors, 'error') : '', warnings > 0 ? count(warnings, 'warning') : ''].filter(
    Boolean,
  )
  const blocks = found.map((diagnostic) => `${formatDiagnostics([diagnostic], style)}\n`)
  return `${blocks.join('')}Checked ${cleanLine(file)}: ${counts.join(', ') || 'no warnings'}\n`
}

/** What a check found, as docker buildx writes it with format=json. Ends in a newline. */
export function checkToJson(found: readonly Diagnostic[], { file, text }: Answered): string {
  const error = found.find(({ severity, rule }) => severity === 'error' && !isRule(rule))
  const warnings = found.filter((one) => one.severity === 'warning' || isRule(one.rule))
  return toJson({
    warnings: warnings.map(({ rule, message, hint, at }) => ({
      ruleName: rule,
      description: [RULES.find(({ name }) => name === rule)?.description, hint].filter(Boolean).join('. '),
      ...compact({ url: pageOf(rule) }),
      detail: message,
      location: locationOf(at),
    })),
    sources: [{ filename: file, data: base64(text), language: 'Dockerfile' }],
    ...compact({ buildError: error && { message: error.message, location: locationOf(error.at) } }),
  })
}

function isRule(name: string): boolean {
  return RULES.some((rule) => rule.name === name)
}

/** The stages of a Dockerfile as a table. Ends in a newline. */
export function formatTargets(targets: readonly Target[]): string {
  const rows = targets.filter(({ name, isDefault }) => name !== undefined || isDefault)
  return table(
    ['TARGET', 'DESCRIPTION'],
    rows.map(({ name, description = '', isDefault }) => [
      [name, isDefault ? '(default)' : ''].filter(Boolean).join(' '),
      description,
    ]),
  )
}

/** The stages of a Dockerfile, as docker buildx writes them with format=json. */
export function targetsToJson(targets: readonly Target[], { text }: Answered): string {
  return toJson({
    targets: targets.map(({ name, description, isDefault, base, platform, at }) => ({
      name,
      default: isDefault || undefined,
      description,
      base,
      platform,
      location: locationOf(at),
    })),
    sources: [base64(text)],
  })
}

/** What a target takes, as tables. Ends in a newline. */
export function formatOutline({ name, description, args, secrets, ssh }: Outline): string {
  const head = [['TARGET:', name ?? '(default)'], ...(description ? [['DESCRIPTION:', description]] : [])]
  const required = (parameters: readonly Parameter[]) => parameters.map((one) => [one.name, one.required ? 'true' : ''])
  return [
    head.map(([key, value]) => `${key!.padEnd(12)} ${cleanLine(value!)}\n`).join(''),
    ...(args.length > 0
      ? [
          table(
            ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
            args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? '']),
          ),
        ]
      : []),
    ...(secrets.length > 0 ? [table(['SECRET', 'REQUIRED'], required(secrets))] : []),
    ...(ssh.length > 0 ? [table(['SSH', 'REQUIRED'], required(ssh))] : []),
  ].join('\n')
}

/** What a target takes, as docker buildx writes it with format=json. */
export function outlineToJson({ name, description, args, secrets, ssh }: Outline, { text }: Answered): string {
  const list = (parameters: readonly Parameter[]) =>
    parameters.length === 0
      ? undefined
      : parameters.map(({ at, ...parameter }) => ({ ...parameter, location: locationOf(at) }))
  return toJson({
    name,
    description,
    args: list(args),
    secrets: list(secrets),
    ssh: list(ssh),
    sources: [base64(text)],
  })
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return textTable([head, ...rows.map((row) => row.map((cell) => cleanLine(cell)))], 3)
}

function locationOf({ line, endLine = line }: SourcePosition): object {
  return { ranges: [{ start: { line }, end: { line: endLine } }] }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function toJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
