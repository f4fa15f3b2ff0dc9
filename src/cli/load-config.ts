import { open, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import type { Invocation } from '../config/argv.ts'
import type { FileConfig, ReadFile } from '../config/file.ts'
import type { Ask } from '../config/project.ts'
import { PROJECT_FILE } from '../config/trust-flags.ts'
import { XbuildError } from '../errors.ts'
import { userConfigFolder } from '../host/user-folder.ts'
import { sha256 } from '../oci/digest.ts'
import { isOfAnother } from './found-file.ts'
import { readPrivate } from './trusted-files.ts'

type Env = Readonly<Record<string, string | undefined>>

const MAX_BYTES = 1_000_000

/** A file of a project, and what in it only the user may grant. */
export interface ProjectFile extends ReadFile {
  /** Absolute; folders resolved. */
  readonly path: string
  readonly digest: string
  readonly asks: readonly Ask[]
}

/**
 * Reads the file of `--config`, which may say everything, or `xbuild.yaml` in `cwd` when there is one, which may say
 * what a project may; below either the user's own file. Throws BAD_OPTION.
 */
export async function loadConfig(
  { given }: Invocation,
  { cwd, env }: { readonly cwd: string; readonly env: Env },
): Promise<FileConfig | undefined> {
  const named = given.get('config')?.at(-1)
  const user = await readUserFile(env)
  const top = named === undefined ? await loadProject(cwd, env) : await readNamed(named, cwd)
  if (!user || !top) return top ?? user
  const { mergeConfigs } = await import('../config/merge.ts')
  return mergeConfigs(top, user, { topIs: named === undefined ? 'project' : 'given' })
}

/** Reads a file of a project, with what it asks for. Nothing when it is not there. */
export async function readProjectFile(file: string, cwd: string): Promise<ProjectFile | undefined> {
  const bytes = await readSmall(file, cwd)
  if (!bytes) return undefined
  const [{ readConfigFile }, { asksOf }, { createJudge }] = await Promise.all([
    import('../config/file.ts'), // yaml is loaded only when there is a file
    import('../config/project.ts'),
    import('./project-place.ts'),
  ])
  const folder = await realpath(dirname(resolve(cwd, file)))
  const judge = createJudge(folder)
  const outside = judge({ kind: 'read', path: resolve(cwd, file) })
  const read = unseen(file, outside, () => readConfigFile(bytes.toString('utf8'), file))
  const own = [await ofAnother(file, cwd), outside].flatMap((why) => (why === undefined ? [] : askForAll(file, why)))
  const asks = [...own, ...asksOf(read.settings, judge)]
  return { ...read, path: join(folder, basename(file)), digest: sha256(bytes), asks }
}

/** In a folder that others write to, as /tmp, a file may be anybody's. */
async function ofAnother(file: string, cwd: string): Promise<string | undefined> {
  const path = resolve(cwd, file)
  const { uid } = await stat(path)
  return isOfAnother(path, uid) ? `the file belongs to another user (id ${uid})` : undefined
}

function askForAll(file: string, why: string): Ask[] {
  return [{ key: 'anything', text: '', at: { file, line: 1 }, why, instead: `Name it with --config ${file}` }]
}

/** Errors show lines of the file: not of one of the user's to which a link of the project leads. */
function unseen<T>(file: string, outside: string | undefined, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (outside === undefined || !(error instanceof XbuildError)) throw error
    throw new XbuildError('BAD_OPTION', `Cannot use "${file}": ${outside}, and is no config file of xbuild`, {
      hint: `Remove the link, or see what is wrong with --config ${file}`,
    })
  }
}

async function loadProject(cwd: string, env: Env): Promise<FileConfig | undefined> {
  const read = await readProjectFile(PROJECT_FILE, cwd)
  if (!read || read.asks.length === 0) return read?.config
  const [{ askErrors, askName }, { ConfigFileError }, { readTrustedFiles }] = await Promise.all([
    import('../config/project.ts'),
    import('../config/file.ts'),
    import('./trusted-files.ts'),
  ])
  const trusted = (await readTrustedFiles(env)).find(({ path, digest }) => path === read.path && digest === read.digest)
  // The same file may come to more than it did: a link leads elsewhere, a program is another one
  const open = read.asks.filter((ask) => !trusted?.asks.includes(askName(ask)))
  if (open.length > 0) throw new ConfigFileError(PROJECT_FILE, askErrors(open))
  return read.config
}

async function readNamed(file: string, cwd: string): Promise<FileConfig> {
  const bytes = await readSmall(file, cwd)
  if (!bytes) throw new XbuildError('BAD_OPTION', `Cannot read config file "${file}": no such file`)
  const { parseConfigFile } = await import('../config/file.ts')
  return parseConfigFile(bytes.toString('utf8'), file)
}

/** `config.yaml` of the user. Paths that would be looked up in whatever is built are refused. */
async function readUserFile(env: Env): Promise<FileConfig | undefined> {
  const path = join(userConfigFolder(env), 'config.yaml')
  const text = await readPrivate(path, MAX_BYTES)
  if (text === undefined) return undefined
  const { readConfigFile, ConfigFileError } = await import('../config/file.ts')
  const { config, settings } = readConfigFile(text, path)
  const [image] = config.images ?? []
  if (image)
    throw new XbuildError('BAD_OPTION', `Cannot use images of "${path}": they belong to a project`, {
      at: image.at,
      hint: 'Write them into xbuild.yaml of the project',
    })
  const relative = settings.filter(
    ({ key, text }) =>
      (/^store(\.folder)?$|^registries\..*\.ca$/.test(key) || (key === 'oci-runtime' && text.includes('/'))) &&
      !isAbsolute(text),
  )
  if (relative.length === 0) return config
  throw new ConfigFileError(
    path,
    relative.map(({ key, text, at }) => ({
      rule: 'config',
      severity: 'error',
      message: `Cannot use ${key} "${text}": the settings of a user need an absolute path`,
      hint: 'Write an absolute path',
      at,
    })),
  )
}

/** A file of a sane size; nothing when it is not there. A device or a pipe is not read. */
async function readSmall(file: string, cwd: string): Promise<Buffer | undefined> {
  const fail = (state: string, cause?: unknown) =>
    new XbuildError('BAD_OPTION', `Cannot read config file "${file}": ${state}`, { cause })
  const { O_RDONLY, O_NONBLOCK } = (await import('node:fs')).constants
  const handle = await open(resolve(cwd, file), O_RDONLY | O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw fail(cause.message, cause)
  })
  if (!handle) return undefined
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw fail('it is not a regular file')
    if (found.size > MAX_BYTES) throw fail(`larger than ${MAX_BYTES / 1e6} MB`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}
