import { lstatSync, type Dirent, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { compact } from '../compact.ts'
import { readBake } from '../config/bake/bake.ts'
import { BAKE_FLAGS, readBakeCommand } from '../config/bake/flags.ts'
import { imageTargets } from '../config/bake/images.ts'
import { resolveTargets } from '../config/bake/resolve.ts'
import type { LineInput } from '../config/build-line.ts'
import { COMPOSE_FLAGS, readComposeCommand } from '../config/compose/flags.ts'
import { parseConfigFile } from '../config/file.ts'
import { withNeeded, type ImageTarget } from '../config/images/target.ts'
import { dockerfileTargets, isDockerfile, type FoundDockerfile } from '../config/init/dockerfiles.ts'
import type { InitCommand } from '../config/init/flags.ts'
import { writeImages, type InitNote } from '../config/init/write.ts'
import { readFlags } from '../config/read-flags.ts'
import { PROJECT_FILE } from '../config/trust-flags.ts'
import { XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { homeFolder } from '../host/home.ts'
import { formatPlatform } from '../platform.ts'
import { cleanLine } from '../ui/text.ts'
import { readBakeFiles } from './bake-files.ts'
import { openProject } from './compose.ts'
import { readProjectFile } from './load-config.ts'
import { print } from './print.ts'
import { readProjectText } from './project-text.ts'
import type { Terminal } from './terminal.ts'

/** Images that were found, and what was not understood. */
interface Found {
  /** What they were found in, for people. */
  readonly from: string
  readonly targets: readonly ImageTarget[]
  readonly notes: readonly InitNote[]
}

const BAKE = ['docker-bake.json', 'docker-bake.hcl', 'docker-bake.override.json', 'docker-bake.override.hcl']
const COMPOSE = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']

/** `xbuild init`: writes an xbuild.yaml that builds what the files of this folder build. */
export async function runInit(command: InitCommand, terminal: Terminal): Promise<number> {
  const { cwd, force } = command
  const path = join(cwd, PROJECT_FILE)
  const dry = command.print || command.json
  if (!force && !dry && isThere(path)) throw taken()
  const { from, targets, notes } = await find(command, terminal)
  if (targets.length === 0)
    throw new XbuildError('NOT_FOUND', 'Cannot init: there is nothing to build in this folder', {
      hint: 'Write a Dockerfile, a compose file or a bake file first',
    })
  const text = writeImages(targets, { folder: cwd, schema: schemaOf(command) })
  // What is written must be what is read
  parseConfigFile(text, PROJECT_FILE)
  for (const { file, message } of notes) terminal.stderr.write(`note: ${cleanLine(`${file}: ${message}`)}\n`)
  const images = targets.map(({ name }) => name)
  if (command.json) await print(terminal.stdout, `${JSON.stringify({ from, images, notes, text }, null, 2)}\n`)
  else if (command.print) await print(terminal.stdout, text)
  if (dry) return 0
  if (force) await writeFileAtomic(path, text)
  else
    await writeFile(path, text, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
      throw cause.code === 'EEXIST' ? taken() : cause
    })
  await print(
    terminal.stdout,
    `${PROJECT_FILE}: ${images.length} image${images.length === 1 ? '' : 's'} from ${from}\n`,
  )
  const asks = (await readProjectFile(PROJECT_FILE, cwd))?.asks ?? []
  if (asks.length > 0)
    terminal.stderr.write('note: the file asks for more than a file of a project may set; see it with xbuild trust\n')
  return 0
}

function taken(): XbuildError {
  return new XbuildError('BAD_OPTION', `Cannot write "${PROJECT_FILE}": the file exists already`, {
    hint: 'See what would be written with --print, or give --force',
  })
}

async function find(command: InitCommand, terminal: Terminal): Promise<Found> {
  const { cwd } = command
  const there = (names: readonly string[]) => names.filter((name) => isThere(join(cwd, name)))
  const [bake, compose] = [there(BAKE), there(COMPOSE)]
  if (bake.length + compose.length === 0) return findDockerfiles(cwd)
  const input: LineInput = { ...command, command: '', words: [], given: new Map(), env: terminal.env, commands: [] }
  const found =
    bake.length > 0
      ? await fromBake(input, terminal, [...compose, ...bake])
      : await fromCompose(input, terminal, compose)
  const values = { file: found.from, message: 'variables are written with the values that they have now' }
  const used = new Set(found.targets.flatMap((target) => dockerfileOf(target, cwd)))
  const others = walk(cwd).filter((path) => !used.has(path))
  const unused = others.map((file) => ({ file, message: `no image of ${found.from} is built from it` }))
  return { ...found, notes: [...found.notes, values, ...unused] }
}

async function fromBake(input: LineInput, terminal: Terminal, files: readonly string[]): Promise<Found> {
  const { env } = terminal
  const command = readBakeCommand(readFlags(BAKE_FLAGS, input), input)
  const { files: read, base, baseGroups } = await readBakeFiles(command, terminal)
  const config = readBake({
    files: read,
    ...compact({ base, baseGroups }),
    vars: {},
    env,
    localPlatform: formatPlatform(input.localPlatform),
    now: new Date(),
    home: homeFolder(env),
  })
  const hasDefault = [...config.groups, ...config.targets].some(({ name }) => name === 'default')
  const names = hasDefault ? [] : config.targets.map(({ name }) => name)
  const targets = imageTargets(resolveTargets(config, { names, set: [], env }))
  const from = files.join(', ')
  const known = new Set(targets.map(({ name }) => name))
  return {
    from,
    targets,
    notes: [
      ...config.warnings.map(({ message, at }) => ({ file: `${at.file}:${at.line}`, message })),
      ...config.targets
        .filter(({ name }) => !known.has(name))
        .map(({ name }) => ({ file: from, message: `the target ${name} is left out: it is not in the group default` })),
      ...targets
        .filter(({ call }) => call && call.value !== 'build')
        .map(({ name, call }) => ({
          file: from,
          message: `call "${call!.value}" of ${name} is left out: give --call`,
        })),
    ],
  }
}

async function fromCompose(input: LineInput, terminal: Terminal, files: readonly string[]): Promise<Found> {
  const line = { ...input, words: ['build'] }
  const { project } = await openProject(readComposeCommand(readFlags(COMPOSE_FLAGS, line), line), terminal)
  const targets = withNeeded(project.targets, project.chosen)
  const from = files[0]!
  const left = project.targets.filter((target) => !targets.includes(target))
  return {
    from,
    targets,
    notes: [
      ...project.warnings.map(({ message, at }) => ({ file: `${at.file}:${at.line}`, message })),
      ...left.map(({ name }) => ({ file: from, message: `the service ${name} is left out: its profile is not on` })),
    ],
  }
}

function findDockerfiles(cwd: string): Found {
  const notes: InitNote[] = []
  const files = walk(cwd).flatMap((path): FoundDockerfile[] => {
    const text = readProjectText(join(cwd, path), path)
    return text === undefined ? [] : [{ path, text }]
  })
  const made = dockerfileTargets(files, { project: basename(cwd), has: (path) => isThere(join(cwd, path)) })
  const from = files.length === 1 ? files[0]!.path : `${files.length} Dockerfiles`
  return { from, targets: made.targets, notes: [...notes, ...made.notes] }
}

const MAX_DEPTH = 5
const MAX_ENTRIES = 20_000
const SKIPPED = ['node_modules', 'vendor', 'target', 'dist', 'build']

/** The Dockerfiles of a folder and those below it, within bounds; links are not followed. */
function walk(folder: string): string[] {
  const found: string[] = []
  let left = MAX_ENTRIES
  const visit = (below: string, depth: number): void => {
    const entries = entriesOf(join(folder, below)).sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      if (left-- <= 0) return
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isFile() && isDockerfile(entry.name)) found.push(path)
      else if (entry.isDirectory() && depth < MAX_DEPTH && !entry.name.startsWith('.') && !SKIPPED.includes(entry.name))
        visit(path, depth + 1)
    }
  }
  visit('', 0)
  return found
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return [] // Somebody else's
  }
}

function dockerfileOf({ context, dockerfile, dockerfileInline }: ImageTarget, cwd: string): string[] {
  if (dockerfileInline) return []
  const short = (path: string) => (path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path === cwd ? '.' : path)
  const folder = short(context?.value ?? '.')
  const file = short(dockerfile?.value ?? 'Dockerfile')
  return [file, join(folder, file)]
}

function schemaOf({ schema, cwd }: InitCommand): string | undefined {
  const usual = 'node_modules/xbuild/xbuild.schema.json'
  return schema ?? (isThere(join(cwd, usual)) ? `./${usual}` : undefined)
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
