import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { printedName } from '../byte-name.ts'
import { XbuildError } from '../errors.ts'
import type { TreeForm } from '../config/image-form.ts'
import type { Emit } from '../events.ts'
import { lstatSync } from '../host/byte-files.ts'
import { feed } from '../host/feed.ts'
import { kindOf, stageFolder } from '../host/staging.ts'
import { makeStatement, type Subject } from '../oci/attestation.ts'
import { encodeTarHeader, paddingOf } from '../oci/tar-format.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { PlatformImage } from './image-set.ts'
import { createTaken } from './taken-paths.ts'
import { rewriteTree, TAR_END, type TreeOptions } from './tree.ts'

/** How files are laid out, what an export may say and when it has to stop. */
export interface ExportOptions extends TreeForm {
  /** Seconds since the epoch: no file's time is later. */
  readonly sourceDateEpoch?: number
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** The folder of one platform in an export of several: `linux_arm_v7`. */
function platformFolder(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '_')
}

/** The file systems as one tar stream; of several platforms each under its folder, unless they are not to be split. */
export async function* treeTar(
  images: readonly PlatformImage[],
  options: ExportOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const places = placesOf(images, options)
  for (const entry of images) {
    const place = places(entry)
    if (place.prefix !== undefined) yield folderOf(place.prefix, options)
    yield* tree(entry, { ...options, ...place })
  }
  yield TAR_END
}

/**
 * Unpacks the file systems into a folder; of several platforms each into its own folder there. Files that are there
 * already are overwritten, other files stay; a new folder shows up under its name when it is complete. Owners are not
 * kept.
 */
export async function exportLocal(
  images: readonly PlatformImage[],
  dest: string,
  options: ExportOptions,
): Promise<void> {
  const found = await kindOf(dest)
  if (found === 'file' || found === 'special') {
    throw new XbuildError('BAD_OPTION', `Cannot export to "${dest}": it is not a folder`, {
      hint: 'Name a folder, or use type=tar',
    })
  }
  if (found === 'absent') return stageFolder(dest, async (folder) => unpackAll(images, { dest, folder }, options))
  await unpackAll(images, { dest, folder: dest }, options)
}

const TAR_ARGS = [
  '--extract',
  '--file=-',
  '--no-same-owner',
  '--same-permissions',
  '--delay-directory-restore',
  '--warning=no-timestamp',
]

/** Unpacks into `folder`, which is, or will become, `dest`. */
async function unpackAll(
  images: readonly PlatformImage[],
  { dest, folder }: { dest: string; folder: string },
  options: ExportOptions,
): Promise<void> {
  const places = placesOf(images, options)
  for (const entry of images) {
    const { prefix, ...place } = places(entry)
    const target = join(folder, prefix ?? '')
    await mkdir(target, { recursive: true })
    // Whoever made the folder may have put a link there, which tar would follow
    if (prefix !== undefined && !(await lstat(target)).isDirectory())
      throw new XbuildError('HOST', `Cannot export to "${join(dest, prefix)}": it is a symbolic link`, {
        hint: 'Remove it, or name another folder',
      })
    let skipped = 0
    const entries = tree(entry, {
      ...options,
      ...place,
      forDisk: true,
      check: keepRepositories(target, join(dest, prefix ?? '')),
      onSkip: () => (skipped += 1),
    })
    const args = [...TAR_ARGS, `--directory=${target}`]
    await feed('tar', args, { input: withEnd(entries), signal: options.signal }).catch((cause: unknown) => {
      throw exportFailed(cause, `${formatPlatform(entry.platform)} to "${dest}"`)
    })
    if (skipped > 0) {
      const files = skipped === 1 ? '1 device file was' : `${skipped} device files were`
      options.emit({
        type: 'warning',
        message: `${formatPlatform(entry.platform)}: ${files} left out of the export`,
        at: Date.now(),
      })
    }
  }
}

/** The repository of the user is no place for files of an image: git runs programs that it names. */
function keepRepositories(target: string, shown: string): (path: string) => void {
  const own = new Set<string>()
  return (path) => {
    const [repository] = /^(?:.*?\/)?\.git(?=\/|$)/i.exec(path) ?? []
    if (repository === undefined || own.has(repository)) return
    own.add(repository)
    if (!lstatSync(join(target, repository))) return
    throw new XbuildError('HOST', `Cannot export "${path.slice(0, 200)}" to "${shown}": a git repository is there`, {
      hint: 'Export to another folder, or remove its .git first',
    })
  }
}

function exportFailed(cause: unknown, what: string): unknown {
  if (!(cause instanceof XbuildError) || cause.code !== 'HOST') return cause
  const { output, message } = cause
  if (!output) return new XbuildError('HOST', `Cannot export ${what}: ${message}`, { cause })
  const full = output.some((line) => /No space left|Wrote only/.test(line))
  const state = full ? 'no space left on device' : 'tar could not unpack it'
  return new XbuildError('HOST', `Cannot export ${what}: ${state}`, { cause, output })
}

/** The files of an image, and after them what is said of them. */
async function* tree(
  { platform, image, attestations = [] }: PlatformImage,
  options: ExportOptions & TreeOptions & { readonly attestationInfix?: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!image.exportTree) {
    const state = 'its driver exports only images'
    throw new XbuildError('UNSUPPORTED', `Cannot export the files of ${formatPlatform(platform)}: ${state}`, {
      hint: 'Use type=oci',
    })
  }
  const stream = await image.exportTree({ signal: options.signal })
  const beside = attestations.flatMap((one) =>
    one.file === undefined ? [] : [{ ...one, file: attestationFile(one.file, options) }],
  )
  if (beside.length === 0) return yield* rewriteTree(stream, options)
  const subjects: Subject[] = []
  const onFile = (path: string, digest: string) =>
    void subjects.push({ name: printedName(path), digest: { sha256: digest } })
  yield* rewriteTree(stream, { ...options, reserved: beside.map(({ file }) => file), onFile })
  for (const { file, ...attestation } of beside)
    yield* textFile(
      [options.prefix, file].filter(Boolean).join('/'),
      JSON.stringify(makeStatement(attestation, subjects), null, 2),
      options,
    )
}

/** BuildKit's names: the prefix in front, and the platform before the ending where one folder holds all of them. */
function attestationFile(
  name: string,
  { attestationPrefix = '', attestationInfix }: { attestationPrefix?: string; attestationInfix?: string },
): string {
  const at = name.lastIndexOf('.')
  const [stem, ending] = at > 0 ? [name.slice(0, at), name.slice(at)] : [name, '']
  return `${attestationPrefix}${stem}${attestationInfix === undefined ? '' : `.${attestationInfix}`}${ending}`
}

/** A file of a tar archive, readable by its owner, as BuildKit writes attestations. */
function textFile(
  path: string,
  text: string,
  { sourceDateEpoch = Math.floor(Date.now() / 1000) }: ExportOptions,
): Uint8Array[] {
  const data = Buffer.from(text)
  const header = encodeTarHeader({
    path,
    type: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    size: data.length,
    mtime: sourceDateEpoch,
  })
  return [header, data, Buffer.alloc(paddingOf(data.length))]
}

/** The folder of a platform, as BuildKit writes it: without a time of the build it has the first of all. */
function folderOf(path: string, { sourceDateEpoch: mtime = 0 }: ExportOptions): Uint8Array {
  return encodeTarHeader({ path, type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime })
}

/** Where the files of each platform go. Of several in one folder none may take the place of another's. */
function placesOf(
  images: readonly PlatformImage[],
  { platformSplit = images.length > 1 }: TreeForm,
): (entry: PlatformImage) => { readonly prefix?: string; readonly attestationInfix?: string } & TreeOptions {
  if (platformSplit) return ({ platform }) => ({ prefix: platformFolder(platform) })
  if (images.length < 2) return () => ({})
  const taken = createTaken()
  return ({ platform }) => ({
    attestationInfix: platformFolder(platform),
    ...taken(formatPlatform(platform)),
  })
}

async function* withEnd(entries: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* entries
  yield TAR_END
}
