import { XbuildError } from '../../errors.ts'
import { exists } from '../../host/files.ts'
import { runProgram } from '../../host/spawn.ts'
import type { Distribution } from './os-release.ts'

/** Where apt finds the packages of a distribution, checked against which keys. */
export interface Archive {
  /** Text of a sources file, see sources.list(5). */
  readonly sources: string
  /** Where packages of this machine's architecture lie, and those of the image's. */
  readonly uris: readonly [own: string, other: string]
}

/** How the archives of a distribution are known among those of apt's configuration. */
const ARCHIVES: Readonly<
  Record<
    string,
    {
      readonly uri: RegExp
      readonly components: string
      readonly suites: readonly string[]
      readonly keyrings: readonly string[]
      readonly ports?: string
    }
  >
> = {
  debian: {
    uri: /\/debian\/?$/,
    components: 'main',
    suites: [''],
    keyrings: ['debian-archive-keyring.pgp', 'debian-archive-keyring.gpg'],
  },
  ubuntu: {
    uri: /\/ubuntu(-ports)?\/?$/,
    components: 'main universe',
    suites: ['', '-updates', '-security'],
    keyrings: ['ubuntu-archive-keyring.gpg'],
    // Ubuntu keeps all but amd64 and i386 on a server of their own, which apt is not told of on an amd64 machine
    ports: 'http://ports.ubuntu.com/ubuntu-ports',
  },
}

/** The archive of a distribution, as this machine's apt reaches it. Throws HOST when it has none. */
export async function findArchive(
  { id, codename }: Distribution,
  [own, other]: readonly [string, string],
  signal: AbortSignal,
): Promise<Archive> {
  const archive = ARCHIVES[id]
  const refuse = (state: string, hint?: string) =>
    new XbuildError('HOST', `Cannot get packages of ${id} ${codename}: ${state}`, hint ? { hint } : {})
  if (!archive) throw refuse('there are packs for Debian and Ubuntu images only')
  // Not `indextargets`: where apt keeps no cache, as in images of Debian, that reads every index
  const asked = await runProgram('apt-get', ['update', '--print-uris'], { signal })
  const uri = [...asked.matchAll(/^'(.+)\/dists\/.*\/InRelease'/gm)]
    .map(([, base]) => base!)
    .find((base) => archive.uri.test(base) && !base.includes('security'))
  if (!uri)
    throw refuse(
      `apt of this machine has no archive of ${id}`,
      'Packs come from the archive that apt is configured for',
    )
  let keyring: string | undefined
  for (const name of archive.keyrings)
    if (await exists(`/usr/share/keyrings/${name}`)) keyring ??= `/usr/share/keyrings/${name}`
  if (!keyring)
    throw refuse(
      `the keyring ${archive.keyrings.at(-1)} is missing`,
      `Install it: sudo apt-get install ${id}-archive-keyring`,
    )
  const suites = archive.suites.map((suffix) => codename + suffix).join(' ')
  const stanza = (from: string, architectures: string) =>
    `Types: deb\nURIs: ${from}\nSuites: ${suites}\nComponents: ${archive.components}\nArchitectures: ${architectures}\nSigned-By: ${keyring}\n`
  return archive.ports && own === 'amd64'
    ? { sources: `${stanza(uri, own)}\n${stanza(archive.ports, other)}`, uris: [uri, archive.ports] }
    : { sources: stanza(uri, `${own} ${other}`), uris: [uri, uri] }
}
