import { run } from '../e2e/support/xbuild.ts'

/** The Debian mirror that this machine uses. */
export async function debianMirror(): Promise<string> {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'])
  const found = stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri))
  if (!found) throw new Error('apt has no Debian mirror: name one in /etc/apt/sources.list')
  return found
}
