import { join } from 'node:path'
import { serverUrl } from './git-context.ts'
import { listInput, type Env } from './inputs.ts'
import type { PlanInput, RunPlan } from './run-plan.ts'

/** The secrets of a build: arguments, the files with values, what is masked, and what was wrong. */
export interface Secrets extends Pick<RunPlan, 'files' | 'masks' | 'warnings'> {
  readonly args: readonly string[]
}

/** Rules for the list of secrets: values may hold commas and end in spaces. */
const RULES = { ignoreComma: true, keepSpaces: true } as const

/**
 * Reads `secrets` (values), `secret-envs` and `secret-files`. With `forGit` the token of the workflow joins them for
 * the repository of the workflow, unless a secret GIT_AUTH_TOKEN is there. What is no pair is left out with a warning
 * that does not show it.
 */
export function readSecrets({ env, temp, exists }: PlanInput, { forGit }: { readonly forGit: boolean }): Secrets {
  const warnings: string[] = []
  const args: string[] = []
  const files: { path: string; content: string }[] = []
  const masks: string[] = []
  const pairs = (input: string, texts: readonly string[]) =>
    texts.flatMap((text, index) => {
      const equals = text.indexOf('=')
      const pair = [text.slice(0, equals).trim(), text.slice(equals + 1)] as const
      if (equals > 0 && pair[0] !== '' && pair[1] !== '') return [pair]
      warnings.push(`Item ${index + 1} of input "${input}" is left out: it is not NAME=VALUE`)
      return []
    })
  const addValue = (id: string, value: string) => {
    const path = join(temp, `secret-${files.length}`)
    files.push({ path, content: value })
    masks.push(value)
    args.push('--secret', attributes({ id, src: path }))
  }
  for (const [id, name] of pairs('secret-envs', listInput(env, 'secret-envs'))) {
    const value = env[name]
    if (value) masks.push(value)
    args.push('--secret', attributes({ id, env: name }))
  }
  const values = listInput(env, 'secrets', RULES)
  for (const [id, value] of pairs('secrets', values)) addValue(id, value)
  for (const [id, path] of pairs('secret-files', listInput(env, 'secret-files', { ignoreComma: true }))) {
    if (exists(path)) args.push('--secret', attributes({ id, src: path }))
    else warnings.push(`Secret "${id}" is left out: there is no file "${path}"`)
  }
  const token = env['INPUT_GITHUB-TOKEN']?.trim() ?? ''
  if (token !== '') masks.push(token)
  if (forGit && token !== '' && !hasGitToken(values, env))
    addValue(`GIT_AUTH_TOKEN.${new URL(serverUrl(env)).host}`, token)
  return { args, files, masks, warnings }
}

function hasGitToken(values: readonly string[], env: Env): boolean {
  const { host } = new URL(serverUrl(env))
  return values.some((text) => text.startsWith('GIT_AUTH_TOKEN=') || text.startsWith(`GIT_AUTH_TOKEN.${host}=`))
}

/** `KEY=VALUE,...` as flags read it: quotes around what holds a comma. */
function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',')
}
