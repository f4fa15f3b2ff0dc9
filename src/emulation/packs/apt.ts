import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { ownMark } from '../../host/process-mark.ts'
import { smallShell } from '../../host/small-shell.ts'
import { digestOf } from './pack-files.ts'
import { readMembers, type WantedMember } from './deb-members.ts'
import { aptOptions, openIndex, type IndexOptions } from './apt-index.ts'
import type { AptPackage } from './apt-stanzas.ts'

/**
 * The archive of one distribution, for two architectures: apt with a root of its own, so that nothing of this
 * machine's is touched.
 */
export interface Apt {
  /** The index is of an earlier build: what is not found may be in a newer one. */
  readonly kept: boolean
  /** Every version of a package, newest first; empty when the archive has none. */
  versions(name: string, architecture: string): AptPackage[]
  /** Libraries that packages of this machine's architecture need, at their newest. */
  libraries(names: readonly string[]): AptPackage[]
  /** The packages, and all that they depend on, at their newest: what a folder needs for their programs to run. */
  closure(names: readonly string[]): AptPackage[]
  /** Begins to fetch packages that will be unpacked. */
  fetch(packages: readonly AptPackage[]): void
  /**
   * Folders of unpacked packages, without documents and the like, which nobody may write into; they are what the signed
   * index says.
   */
  folders(packages: readonly AptPackage[]): Promise<string[]>
  /** Unpacks whole packages over each other into a folder. */
  unpack(packages: readonly AptPackage[], folder: string): Promise<void>
  /** A folder with some files of a package, of which no more is read than they need. Nothing when it lacks one. */
  folderOfMembers(one: AptPackage, wanted: readonly WantedMember[]): Promise<string | undefined>
  /** Removes a folder of unpacked packages, at the latest when it is closed: for this process that takes long. */
  discard(folder: string): void
  /** Starts a program without an environment, and gives what it said: for this process that takes long. */
  start(file: string, args: readonly string[]): Promise<string>
  close(): Promise<void>
}

export type AptOptions = IndexOptions

/** Packages with libraries that programs are linked with, by Debian's rules for their names. */
const LIBRARY = /^z?lib/

/** Development files and data: no program that is already linked needs them. */
const NO_LIBRARY = /-(dev|cross|base|common|data|doc|src)$|-dev-/

/** Packages that are unpacked at a time: it takes a processor each. */
const LANES = 3

/** Fetching takes none. */
const FETCHES = 2

/** What programs do not need to run: making thousands of files takes longer than reading them from the package. */
const NO_PROGRAMS = [
  ...['doc', 'info', 'lintian', 'locale', 'man', 'zoneinfo'].map((name) => `./usr/share/${name}/*`),
  ...['./usr/include/*', './usr/lib/*/gconv/*'],
]

/** What dpkg-deb says when tar ends early is said by tar, too. */
const PROGRAMS = `dpkg-deb --fsys-tarfile "$1" | tar --extract --directory="$2" --warning=no-timestamp ${NO_PROGRAMS.map((one) => `--exclude='${one}'`).join(' ')}`

/** Reads the index of the archive. Throws HOST when this machine's apt has no such archive or cannot reach it. */
export async function openApt(options: AptOptions): Promise<Apt> {
  const { architectures, folder, signal } = options
  const [own, other] = architectures
  const { table, uris, kept } = await openIndex(options)
  await mkdir(folder, { recursive: true })
  const root = await mkdtemp(join(folder, `${ownMark()}-debs-`))
  const downloads = new Map<string, Promise<string>>()
  const unpacked = new Map<string, Promise<string>>()
  const lanes = Array.from({ length: LANES + FETCHES }, () => smallShell({ cwd: root, signal }))
  const discarded: string[] = []
  let turn = 0
  let fetches = 0
  const inLane = (file: string, args: readonly string[]) => lanes[turn++ % LANES]!.run(file, args)

  const unpackedFolders = () => [...unpacked.keys()].map((sha256) => join(root, sha256))
  const debOf = ({ sha256 }: AptPackage) => join(root, `${sha256}.deb`)

  /** Fetches packages in one go; several packs come from one, so each is fetched once. */
  function fetch(packages: readonly AptPackage[]): void {
    const wanted = packages.filter(({ sha256 }) => !downloads.has(sha256))
    if (wanted.length === 0) return
    const got = lanes[LANES + (fetches++ % FETCHES)]!.run('/usr/lib/apt/apt-helper', [
      '-qq',
      ...aptOptions(),
      'download-file',
      ...wanted.flatMap((one) => [
        `${uris[one.architecture === other && other !== own ? 1 : 0]}/${one.path}`,
        debOf(one),
        `SHA256:${one.sha256}`,
      ]),
    ])
    for (const one of wanted) {
      const file = got.then(() => checked(one))
      downloads.set(one.sha256, file)
      file.catch(() => downloads.delete(one.sha256))
    }
  }

  async function checked(one: AptPackage): Promise<string> {
    const { sha256 } = await digestOf(debOf(one))
    if (sha256 === one.sha256) return debOf(one)
    throw new XbuildError('HOST', `Cannot use package "${one.name}": it is not what the index of the archive says`)
  }

  /** The folder of a package's files, unpacked once, which takes seconds for a compiler. */
  function filesOf(one: AptPackage, kind: 'whole' | 'programs'): Promise<string> {
    fetch([one])
    const key = `${one.sha256}-${kind}`
    const got =
      unpacked.get(key) ??
      downloads.get(one.sha256)!.then(async (deb) => {
        const to = join(root, key)
        if (kind === 'programs') await mkdir(to, { recursive: true })
        await (kind === 'programs'
          ? inLane('/bin/sh', ['-c', PROGRAMS, 'sh', deb, to])
          : inLane('dpkg-deb', ['--extract', deb, to]))
        return to
      })
    unpacked.set(key, got)
    got.catch(() => unpacked.delete(key))
    return got
  }

  async function unpackMembers(one: AptPackage, wanted: readonly WantedMember[], to: string): Promise<string> {
    await mkdir(to, { recursive: true })
    fetch([one])
    const found = await readMembers(await downloads.get(one.sha256)!, wanted, { folder: to, signal })
    if (!found) throw new XbuildError('NOT_FOUND', `Package "${one.name}" lacks a file`)
    return to
  }

  /** Packages with what they depend on, as far as it is wanted, by name. */
  function needed(names: readonly string[], wants: (name: string) => boolean): AptPackage[] {
    const found = new Map<string, AptPackage>()
    for (let open = [...names]; open.length > 0; ) {
      const shown = open.flatMap((name) => table.versions(name, [own, 'all']).slice(0, 1))
      for (const one of shown) if (!found.has(one.name)) found.set(one.name, one)
      const seen = new Set([...found.keys(), ...open])
      open = [...new Set(shown.flatMap(({ depends }) => depends))].filter((name) => !seen.has(name) && wants(name))
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  return {
    kept,
    versions: (name, architecture) => table.versions(name, [architecture]),

    libraries: (names) =>
      needed(names, (name) => LIBRARY.test(name) && !NO_LIBRARY.test(name)).filter(({ name }) => !names.includes(name)),

    closure: (names) => needed(names, () => true),

    fetch,

    async folders(packages) {
      fetch(packages)
      return Promise.all(packages.map((one) => filesOf(one, 'programs')))
    },

    async unpack(packages, target) {
      await mkdir(target, { recursive: true })
      fetch(packages)
      const folders = await Promise.all(packages.map((one) => filesOf(one, 'whole')))
      // Links are enough, for nobody writes into them. One program for all refuses only a file that two of them have
      const link = (from: readonly string[]) =>
        inLane('cp', ['--archive', '--link', '--force', ...from.map((one) => `${one}/.`), target])
      try {
        if (folders.length > 0) await link(folders)
      } catch {
        signal.throwIfAborted()
        for (const one of folders) await link([one]) // in their order: a later one replaces files
      }
    },

    async folderOfMembers(one, wanted) {
      const all = unpacked.get(`${one.sha256}-programs`)
      if (all) return all
      const words = wanted.map(({ path, first }) => `${path.source} ${first}`).join('\n')
      const key = `${one.sha256}-${createHash('sha256').update(words).digest('hex').slice(0, 12)}`
      const got = unpacked.get(key) ?? unpackMembers(one, wanted, join(root, key))
      unpacked.set(key, got)
      try {
        return await got
      } catch {
        signal.throwIfAborted()
        return undefined // or it cannot be read
      }
    },

    discard(unwanted) {
      discarded.push(unwanted)
      inLane('rm', ['-rf', unwanted]).catch(() => undefined) // tried again in the end
    },

    start: (file, args) => inLane('env', ['-i', 'sh', '-c', 'exec "$@"', 'sh', file, ...args]),

    async close() {
      inLane('rm', ['-rf', ...unpackedFolders()]).catch(() => undefined)
      await Promise.all(lanes.map((lane) => lane.close()))
      for (const one of [...discarded, root]) await rm(one, { recursive: true, force: true })
    },
  }
}
