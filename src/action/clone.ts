import { mkdir } from 'node:fs/promises'
import { XbuildError } from '../errors.ts'
import { execOk } from '../host/exec.ts'
import type { Env } from './inputs.ts'

/** Puts one commit of a repository, `URL#REF`, into a new folder. Throws HOST with what git said. */
export async function clone(
  source: { readonly url: string; readonly token: string },
  folder: string,
  env: Env,
): Promise<void> {
  const [address, ref] = split(source.url)
  const url = address.startsWith('github.com/') ? `https://${address}` : address
  await mkdir(folder, { recursive: true })
  const git = (args: readonly string[], more: Env = {}) =>
    execOk('git', args, { cwd: folder, env: { ...env, ...more } })
  await git(['init', '--quiet'])
  // In the environment, where other users cannot see it
  const login: Env = source.token
    ? {
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraheader`,
        GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`x-access-token:${source.token}`).toString('base64')}`,
      }
    : {}
  await git(['fetch', '--quiet', '--depth=1', '--', url, ref], { ...login, GIT_TERMINAL_PROMPT: '0' })
  await git(['checkout', '--quiet', '--detach', 'FETCH_HEAD'])
}

function split(source: string): [address: string, ref: string] {
  const hash = source.indexOf('#')
  const [address, fragment] = hash === -1 ? [source, ''] : [source.slice(0, hash), source.slice(hash + 1)]
  const [ref = '', subfolder] = fragment.split(':')
  if (subfolder || ref.startsWith('-') || address.includes('?'))
    throw new XbuildError('BAD_OPTION', `Cannot use input "source": "${source}" is not URL or URL#REF`, {
      hint: 'Check the repository out with actions/checkout, and name the folder in source',
    })
  return [address, ref || 'HEAD']
}
