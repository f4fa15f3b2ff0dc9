import { XbuildError } from '../errors.ts'
import type { Env } from './inputs.ts'

/** What is used of the payload of the event that started a workflow. */
export interface EventPayload {
  readonly repository?: { readonly private?: boolean }
  readonly pull_request?: { readonly head?: { readonly sha?: string } }
}

const isTrue = (text: string | undefined) => /^(1|t|true)$/i.test(text ?? '')

/** The address of the server, such as https://github.com, without a slash at its end. */
export function serverUrl(env: Env): string {
  return (env['GITHUB_SERVER_URL'] || 'https://github.com').replace(/\/+$/, '')
}

/**
 * The repository of the workflow at the commit of its event, as a git context: what is built when no context is
 * given. Undefined outside of a workflow.
 */
export function defaultContext(env: Env, event: EventPayload): string | undefined {
  const { GITHUB_REPOSITORY: repository, GITHUB_SHA: sha = '', GITHUB_REF = '' } = env
  if (!repository) return undefined
  const full = GITHUB_REF === '' || GITHUB_REF.startsWith('refs/') ? GITHUB_REF : `refs/heads/${GITHUB_REF}`
  const wantsHead = full.startsWith('refs/pull/') && isTrue(env['DOCKER_DEFAULT_GIT_CONTEXT_PR_HEAD_REF'])
  const wanted = wantsHead ? full.replace(/\/merge$/, '/head') : full
  const isHead = wanted.startsWith('refs/pull/') && wanted.endsWith('/head')
  const ref = isHead ? (event.pull_request?.head?.sha ?? wanted) : sha || full
  return ref === '' ? undefined : `${serverUrl(env)}/${repository}.git#${ref}`
}

/**
 * An input with `{{defaultContext}}` filled in. Throws BAD_OPTION for other expressions, which would be empty, and
 * where there is no default context.
 */
export function fillTemplate(text: string, context: string | undefined, input: string): string {
  return text.replace(/\{\{\{?\s*&?\s*([^{}]*?)\s*\}\}\}?/g, (whole, name: string) => {
    if (name !== 'defaultContext')
      throw new XbuildError('BAD_OPTION', `Cannot read input "${input}": ${whole} is unknown`, {
        hint: 'The only expression is {{defaultContext}}',
      })
    if (context === undefined)
      throw new XbuildError('BAD_OPTION', `Cannot read input "${input}": there is no default context`, {
        hint: 'Set GITHUB_REPOSITORY and GITHUB_SHA, as a runner does',
      })
    return context
  })
}

/** The address of the run, which attestations name as the builder. */
export function runUrl(env: Env): string {
  const { GITHUB_REPOSITORY = '', GITHUB_RUN_ID = '', GITHUB_RUN_ATTEMPT = '' } = env
  const run = `${serverUrl(env)}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`
  return GITHUB_RUN_ATTEMPT === '' ? run : `${run}/attempts/${GITHUB_RUN_ATTEMPT}`
}
