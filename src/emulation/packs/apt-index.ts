import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { writeFileAtomic } from '../../host/files.ts'
import { ownMark } from '../../host/process-mark.ts'
import { runProgram } from '../../host/spawn.ts'
import { findArchive } from './apt-archives.ts'
import { tableOf, type PackageTable } from './apt-stanzas.ts'
import type { Distribution } from './os-release.ts'

/** The index of an archive for two architectures. */
export interface PackageIndex {
  readonly table: PackageTable
  readonly uris: readonly [own: string, other: string]
  /** It was not fetched now: newer packages may be there, and older ones gone. */
  readonly kept: boolean
}

export interface IndexOptions {
  readonly distribution: Distribution
  readonly architectures: readonly [own: string, other: string]
  /** Folder of kept indexes. */
  readonly kept: string
  /** Folder for what is needed meanwhile. */
  readonly folder: string
  /** Fetch it, whatever is kept. */
  readonly fresh: boolean
  readonly signal: AbortSignal
}

/** How long an index is used before another one is fetched. A release changes about once in two months. Milliseconds. */
const KEPT_FOR = 24 * 3_600_000

/** What stands before the stanzas in a kept index. */
interface Head {
  readonly format: 1
  readonly at: number
  readonly uris: readonly [string, string]
}

/** An index has 100 MB: in pieces as small as Node's own unpacking takes half as long again. */
const unzip = (packed: Buffer) => promisify(gunzip)(packed, { chunkSize: 4 << 20 })
const zip = promisify(gzip)

/**
 * Reads the index of an archive: the one that is kept, or what apt fetches and checks against the archive's keys.
 * Throws HOST when this machine's apt has no such archive or cannot reach it.
 */
export async function openIndex(options: IndexOptions): Promise<PackageIndex> {
  const { distribution, architectures, kept, fresh } = options
  const file = join(kept, `${[distribution.id, distribution.codename, ...architectures].join('-')}.gz`)
  const found = fresh ? undefined : await readKept(file)
  return found ?? fetchIndex(options, file)
}

async function readKept(file: string): Promise<PackageIndex | undefined> {
  try {
    const text = await unzip(await readFile(file))
    const { format, at, uris } = JSON.parse(text.toString('utf8', 0, text.indexOf('\n'))) as Head
    const age = Date.now() - at
    return format === 1 && age >= 0 && age < KEPT_FOR ? { table: tableOf([text]), uris, kept: true } : undefined
  } catch {
    return undefined // there is none, or it was damaged: another one is fetched
  }
}

async function fetchIndex(
  { distribution, architectures, folder, signal }: IndexOptions,
  file: string,
): Promise<PackageIndex> {
  const { sources, uris } = await findArchive(distribution, architectures, signal)
  await mkdir(folder, { recursive: true })
  const root = await mkdtemp(join(folder, `${ownMark()}-apt-`))
  try {
    for (const path of ['state/lists/partial', 'cache/archives/partial'])
      await mkdir(join(root, path), { recursive: true })
    await writeFile(join(root, 'status'), '')
    await writeFile(join(root, 'archive.sources'), sources)
    await runProgram('apt-get', ['-qq', ...optionsFor(root, architectures), 'update', '--error-on=any'], {
      cwd: root,
      signal,
    })
    const lists = join(root, 'state/lists')
    const names = (await readdir(lists)).filter((name) => name.includes('_Packages')).sort()
    // Files of gzip one after the other are a file of gzip
    const packed = await Promise.all(
      names.map(async (name) =>
        name.endsWith('.gz')
          ? readFile(join(lists, name))
          : zip(await runProgram('/usr/lib/apt/apt-helper', ['cat-file', join(lists, name)], { signal }), { level: 1 }),
      ),
    )
    const head: Head = { format: 1, at: Date.now(), uris }
    const gap = await zip('\n\n')
    const whole = Buffer.concat([await zip(`${JSON.stringify(head)}\n\n`), ...packed.flatMap((one) => [one, gap])])
    await writeFileAtomic(file, whole, { fsync: false }).catch(() => undefined) // the next build fetches it again
    return { table: tableOf([await unzip(whole)]), uris, kept: false }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

function optionsFor(root: string, architectures: readonly string[]): string[] {
  return aptOptions([
    `Dir::State=${root}/state`,
    `Dir::State::status=${root}/status`,
    `Dir::Cache=${root}/cache`,
    `Dir::Log=${root}`,
    `Dir::Etc::sourcelist=${root}/archive.sources`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferences=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `APT::Architecture=${architectures[0]}`,
    `APT::Architectures=${architectures.join(',')}`,
    'Acquire::Languages=none',
    'Acquire::PDiffs=false',
    // Unpacking both indexes and making a cache of them took apt five times as long as the rest
    'Acquire::GzipIndexes=true',
    'Acquire::CompressionTypes::Order::=gz',
    'Acquire::IndexTargets::deb::Packages::KeepCompressedAs=gz',
    'pkgCacheFile::Generate=false',
  ])
}

/** Options of apt's programs, with those that hold for everything that is fetched. */
export function aptOptions(more: readonly string[] = []): string[] {
  return [
    ...more,
    'APT::Sandbox::User=', // the user _apt could not write here
    // A build waits for this
    'Acquire::Retries=1',
    'Acquire::http::Timeout=20',
    'Acquire::https::Timeout=20',
  ].flatMap((option) => ['-o', option])
}
