import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { exists } from '../../host/files.ts'
import { runProgram } from '../../host/spawn.ts'
import type { Distribution } from './os-release.ts'
import { ownMark } from '../../host/process-mark.ts'

/** A version of a package, as the archive describes it. */
export interface AptPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
  /** Source package with the version of the source. */
  readonly source: { readonly name: string; readonly version: string }
  /** Sources whose content went into it, by name; Debian policy 7.8. */
  readonly builtUsing: ReadonlyMap<string, string>
  /** Names of what it depends on, of alternatives the first. */
  readonly depends: readonly string[]
  readonly sha256: string
}

/**
 * The archive of one distribution, for two architectures: apt with a root of its own, so that nothing of this
 * machine's is touched.
 */
export interface Apt {
  /** Every version of a package, newest first; empty when the archive has none. */
  versions(name: string, architecture: string): Promise<AptPackage[]>
  /** Libraries that packages of this machine's architecture need, at their newest. */
  libraries(names: readonly string[]): Promise<AptPackage[]>
  /** Unpacks packages over each other into a folder; apt has checked them against the signed index. */
  unpack(packages: readonly AptPackage[], folder: string): Promise<void>
  close(): Promise<void>
}

export interface AptOptions {
  readonly distribution: Distribution
  /** Debian's name of this machine's architecture, then that of the image's. */
  readonly architectures: readonly [own: string, other: string]
  /** Folder for what is needed meanwhile. */
  readonly folder: string
  readonly signal: AbortSignal
}

/** Development files and data: no program that is already linked needs them. */
const NO_LIBRARY =
  /-(dev|cross|base|common|data|doc|src|passwd|keyring)$|-dev-|^(adduser|debconf|dpkg|gpgv|install-info|perl|sqv|tar)/

/** Reads the index of the archive. Throws HOST when this machine's apt has no such archive or cannot reach it. */
export async function openApt({ distribution, architectures, folder, signal }: AptOptions): Promise<Apt> {
  const [own] = architectures
  await mkdir(folder, { recursive: true })
  const root = await mkdtemp(join(folder, `${ownMark()}-apt-`))
  const close = () => rm(root, { recursive: true, force: true })
  try {
    for (const path of ['state/lists/partial', 'cache/archives/partial', 'debs', 'files'])
      await mkdir(join(root, path), { recursive: true })
    await writeFile(join(root, 'status'), '')
    await writeFile(join(root, 'archive.sources'), await sourcesFor(distribution, architectures, signal))
    const options = optionsFor(root, architectures)
    const get = (args: readonly string[], cwd = root) =>
      runProgram('apt-get', ['-qq', ...options, ...args], { cwd, signal })
    const downloads = new Map<string, Promise<string>>()
    /** The path of a package, got once: several packs come from one. */
    const download = ({ name, architecture, version }: AptPackage) => {
      const wanted = `${name}:${architecture}=${version}`
      const got =
        downloads.get(wanted) ??
        mkdtemp(join(root, 'debs/')).then(async (to) => {
          await get(['download', wanted], to)
          return join(to, (await readdir(to))[0]!)
        })
      downloads.set(wanted, got)
      got.catch(() => downloads.delete(wanted))
      return got
    }
    const unpacked = new Map<string, Promise<string>>()
    /** The folder of a package's files, unpacked once, which takes seconds for a compiler. */
    const filesOf = (one: AptPackage) => {
      const got =
        unpacked.get(one.sha256) ??
        download(one).then(async (deb) => {
          const to = await mkdtemp(join(root, 'files/'))
          await runProgram('dpkg-deb', ['--extract', deb, to], { signal })
          return to
        })
      unpacked.set(one.sha256, got)
      got.catch(() => unpacked.delete(one.sha256))
      return got
    }
    const show = (asked: readonly string[]) =>
      runProgram('apt-cache', [...options, 'show', ...asked], { signal }).then(parseStanzas, () => [])
    await get(['update', '--error-on=any'])

    return {
      versions: async (name, architecture) =>
        (await show([`${name}:${architecture}`])).filter(
          (one) => one.name === name && one.architecture === architecture,
        ),

      async libraries(names) {
        // Not `apt-get install --simulate`: its solver takes seconds over what is a handful of names
        const found = new Map<string, AptPackage>()
        for (let open = [...names]; open.length > 0; ) {
          const shown = (await show(open.map((name) => `${name}:${own}`))).filter(
            ({ architecture }) => architecture === own || architecture === 'all',
          )
          for (const one of shown) if (!found.has(one.name)) found.set(one.name, one)
          const seen = new Set([...found.keys(), ...open])
          open = [...new Set(shown.flatMap(({ depends }) => depends))].filter(
            (name) => !seen.has(name) && !NO_LIBRARY.test(name),
          )
        }
        return [...found.values()]
          .filter(({ name }) => !names.includes(name))
          .sort((a, b) => (a.name < b.name ? -1 : 1))
      },

      async unpack(packages, target) {
        await mkdir(target, { recursive: true })
        for (const one of packages)
          await runProgram('cp', ['--archive', '--force', `${await filesOf(one)}/.`, target], { signal })
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function optionsFor(root: string, architectures: readonly string[]): string[] {
  return [
    `Dir::State=${root}/state`,
    `Dir::State::status=${root}/status`,
    `Dir::Cache=${root}/cache`,
    `Dir::Log=${root}`,
    // Images of Debian turn these off, and then every call reads the whole index anew
    'Dir::Cache::pkgcache=pkgcache.bin',
    'Dir::Cache::srcpkgcache=srcpkgcache.bin',
    `Dir::Etc::sourcelist=${root}/archive.sources`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferences=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `APT::Architecture=${architectures[0]}`,
    `APT::Architectures=${architectures.join(',')}`,
    'APT::Install-Recommends=false',
    'APT::Sandbox::User=', // the user _apt could not write here
    'Acquire::Languages=none',
    // A build waits for this
    'Acquire::Retries=1',
    'Acquire::http::Timeout=20',
    'Acquire::https::Timeout=20',
  ].flatMap((option) => ['-o', option])
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

async function sourcesFor(
  { id, codename }: Distribution,
  [own, other]: readonly [string, string],
  signal: AbortSignal,
): Promise<string> {
  const archive = ARCHIVES[id]
  const refuse = (state: string, hint?: string) =>
    new XbuildError('HOST', `Cannot get packages of ${id} ${codename}: ${state}`, hint ? { hint } : {})
  if (!archive) throw refuse('there are packs for Debian and Ubuntu images only')
  const targets = await runProgram('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], {
    signal,
  })
  const uri = targets.split('\n').find((line) => archive.uri.test(line) && !line.includes('security'))
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
    ? `${stanza(uri, own)}\n${stanza(archive.ports, other)}`
    : stanza(uri, `${own} ${other}`)
}

/** Reads what `apt-cache show` prints. */
export function parseStanzas(text: string): AptPackage[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const fields = new Map([...stanza.matchAll(/^([A-Za-z0-9-]+): (.*)$/gm)].map(([, key, value]) => [key!, value!]))
    const [name, version, architecture, sha256] = ['Package', 'Version', 'Architecture', 'SHA256'].map((key) =>
      fields.get(key),
    )
    if (!name || !version || !architecture || !sha256) return []
    const [, source = name, sourceVersion = version.replace(/\+b\d+$/, '')] =
      /^(\S+)(?: \((\S+)\))?$/.exec(fields.get('Source') ?? name) ?? []
    const builtUsing = [...(fields.get('Built-Using') ?? '').matchAll(/(\S+) \(= ?([^)\s]+)\)/g)].map(
      ([, from, at]) => [from!, at!] as const,
    )
    const depends = [fields.get('Pre-Depends'), fields.get('Depends')]
      .flatMap((text) => text?.split(/, */) ?? [])
      .map((one) => /^[a-z0-9.+-]+/.exec(one)?.[0] ?? '')
    return [
      {
        name,
        version,
        architecture,
        sha256,
        source: { name: source, version: sourceVersion },
        builtUsing: new Map(builtUsing),
        depends,
      },
    ]
  })
}
