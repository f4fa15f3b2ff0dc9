import { isGitUrl } from '../../dockerfile/git-url.ts'

/** Whether a word of the command line or a context comes over the network, as a user may write it. */
export function isRemote(text: string): boolean {
  return /^https?:\/\//i.test(text) || isGitUrl(text, { byUser: true })
}
