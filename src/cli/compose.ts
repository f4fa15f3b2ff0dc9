import { statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import type { ComposeCommand, ComposeValues } from '../config/compose/flags.ts'
import { parseDotenv } from '../config/compose/dotenv.ts'
import type { ComposeEnv, ComposeInput } from '../config/compose/reading.ts'
import { readComposeProject, type ComposeProject } from '../config/compose/project.ts'
import type { ImageTarget, Said } from '../config/images/target.ts'
import type { Judge } from '../config/project.ts'
import { isRemoteContext } from '../config/images/options.ts'
import { usageError } from '../config/values.ts'
import { XbuildError, type Diagnostic } from '../errors.ts'
import { formatDiagnostics } from '../ui/error.ts'
import { wantsColor } from '../ui/text.ts'
import type { Calling } from './command.ts'
import { checkFoundFile } from './found-file.ts'
import { createGrantedJudge } from './granted.ts'
import { readPipedText, readProjectText } from './project-text.ts'
import { readSource } from './read-source.ts'
import { runImages, type ImagesRun } from './run-images.ts'
import type { Terminal } from './terminal.ts'
import { readTrustedAsks } from './trusted-asks.ts'

const NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const OVERRIDES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
]

/** `xbuild compose build`: the images of the services chosen, with what they are made from. */
export async function runCompose(command: ComposeCommand, terminal: Terminal, calling: Calling): Promise<number> {
  const run = await readComposeRun(command, terminal)
  if (run.chosen.length === 0) {
    terminal.stderr.write('warning: No services to build\n')
    if (!run.print) return 0
  }
  const trusted = await readTrustedAsks(terminal.env, run.shared.cwd)
  return runImages({ ...run, trusted }, terminal, calling)
}

type ComposeTerminal = Pick<Terminal, 'env' | 'stdin' | 'stderr' | 'cwd'>

/** What `xbuild compose build` builds; nothing is built yet. Warnings go to stderr. */
export async function readComposeRun(command: ComposeCommand, terminal: ComposeTerminal): Promise<ImagesRun> {
  const { values, shared } = command
  const { folder, project, env } = await openProject(command, terminal)
  warn(project.warnings, terminal)
  for (const { name } of project.targets.filter((target) => values.push && !isNamed(target)))
    if (project.chosen.includes(name))
      terminal.stderr.write(`warning: ${name} is not pushed: its service has no image\n`)
  return {
    targets: project.targets.map((target) => withCommandLine(target, command, env)),
    chosen: project.chosen,
    groups: { default: { targets: project.chosen } },
    project: folder,
    grants: values.allow,
    shared,
    localPlatform: command.localPlatform,
    env: terminal.env,
    secretEnv: env,
    print: values.print,
    failFast: values.failFast,
    metadataFile: values.metadataFile,
    call: command.call,
  }
}

/** Finds and reads the files of a project as docker compose does. Throws BAD_OPTION, `ConfigFileError`. */
export async function openProject(
  { values, services, shared: { cwd } }: ComposeCommand,
  { env: shell, stdin }: Pick<Terminal, 'env' | 'stdin'>,
): Promise<{ readonly folder: string; readonly project: ComposeProject; readonly env: ComposeEnv }> {
  const given = values.projectDirectory === undefined ? undefined : resolve(cwd, values.projectDirectory)
  if (given !== undefined && !statSync(given, { throwIfNoEntry: false })?.isDirectory())
    throw usageError(`Cannot use --project-directory "${values.projectDirectory}": there is no such folder`)
  const named =
    values.envFiles.length > 0 ? values.envFiles : (shell['COMPOSE_ENV_FILES'] ?? '').split(',').filter(Boolean)
  const readEnv = (folder: string): ComposeEnv => {
    const options = { shell, cwd, needed: named.length > 0 }
    if (named.length > 0)
      return readVariables(
        named.map((file) => resolve(cwd, file)),
        options,
      )
    if (/^(1|t|true)$/i.test(shell['COMPOSE_DISABLE_ENV_FILE'] ?? '')) return shell
    const path = join(folder, '.env')
    const judge = createGrantedJudge(folder, values.allow, cwd)
    checkFoundFile(path, { shown: show(path), hint: `Name it with --env-file ${path}`, judge })
    return readVariables([path], options)
  }
  const show = (path: string) => {
    const shown = relative(cwd, path)
    return shown.startsWith('..') || shown === '' ? path : shown
  }
  const first = readEnv(given ?? cwd)
  const paths = findFiles(values, { cwd, env: first, shell, folder: given })
  const folder = given ?? (paths[0] === '-' || isRemoteContext(paths[0]!) ? cwd : dirname(paths[0]!))
  // What led to the files stands over what lies beside them; files that are named are not looked for
  const beside = folder === (given ?? cwd) ? first : readEnv(folder)
  const env = values.files.length > 0 ? beside : { ...beside, ...first }
  const files: ComposeInput['files'][number][] = []
  for (const path of paths)
    files.push(path === '-' ? { path: join(cwd, '<stdin>'), text: await readPipedText(stdin) } : need(path))
  const judge = createGrantedJudge(folder, values.allow, cwd)
  const read = (path: string): string | undefined => {
    const why = judge({ kind: 'read', path })
    if (why !== undefined)
      throw new XbuildError('BAD_OPTION', `Cannot read "${show(path)}": ${why}`, {
        hint: `Give --allow fs.read=${path} when you trust the file`,
      })
    return readProjectText(path, show(path))
  }
  // Where nothing is said, the profile without a name is on
  const profiles =
    values.profiles.length > 0
      ? values.profiles
      : (env['COMPOSE_PROFILES'] ?? '').split(',').map((profile) => profile.trim())
  const project = readComposeProject(
    { files, folder, env, home: shell['HOME'], read, show },
    {
      services,
      profiles,
      withDependencies: values.withDependencies,
      projectName: values.projectName,
    },
  )
  return { folder, project, env }

  function need(path: string): { path: string; text: string } {
    const text = readProjectText(path, show(path))
    if (text === undefined) throw usageError(`Cannot read the compose file "${show(path)}": no such file`)
    return { path, text }
  }
}

function readVariables(
  files: readonly string[],
  { shell, cwd, needed }: { readonly shell: ComposeEnv; readonly cwd: string; readonly needed: boolean },
): ComposeEnv {
  let own: ComposeEnv = {}
  for (const path of files) {
    const text = readProjectText(path, relative(cwd, path) || path)
    if (text === undefined && needed) throw usageError(`Cannot read "${relative(cwd, path)}": no such file`)
    if (text !== undefined) own = { ...own, ...parseDotenv(text, relative(cwd, path), (name) => shell[name], own) }
  }
  return { ...own, ...shell }
}

/** `-f`, `COMPOSE_FILE`, or the usual names in this folder or one above. */
function findFiles(
  { files: given, allow }: Pick<ComposeValues, 'files' | 'allow'>,
  {
    cwd,
    env,
    shell,
    folder,
  }: {
    readonly cwd: string
    readonly env: ComposeEnv
    readonly shell: ComposeEnv
    readonly folder: string | undefined
  },
): string[] {
  const place = (file: string) => (file === '-' || isAbsolute(file) ? file : resolve(cwd, file))
  if (given.length > 0) return given.map(place)
  const fromEnv = env['COMPOSE_FILE']
  if (fromEnv) {
    const files = fromEnv
      .split(env['COMPOSE_PATH_SEPARATOR'] || ':')
      .filter(Boolean)
      .map(place)
    if (shell['COMPOSE_FILE'] !== fromEnv) checkChosen(files, createGrantedJudge(folder ?? cwd, allow, cwd))
    return files
  }
  for (let at = folder ?? cwd; ; at = dirname(at)) {
    const main = NAMES.map((name) => join(at, name)).find(isThere)
    if (main !== undefined) {
      const over = OVERRIDES.map((name) => join(at, name)).find(isThere)
      const files = over === undefined ? [main] : [main, over]
      for (const path of files) checkFoundFile(path, { shown: path, hint: `Name it with -f ${path}` })
      return files
    }
    if (at === dirname(at)) break
  }
  throw usageError(
    'Cannot find a compose file: neither this folder nor one above has compose.yaml',
    'Name it with -f FILE',
  )
}

/** Throws BAD_OPTION: the folder of the first file is the project, in which everything may be read. */
function checkChosen(files: readonly string[], judge: Judge): void {
  for (const path of files) {
    const why = path === '-' ? undefined : judge({ kind: 'read', path })
    if (why !== undefined)
      throw usageError(`Cannot use "${path}", which a file of variables names: ${why}`, `Name it with -f ${path}`)
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** What the command line says stands over what the file says; it is the user's own word. `env`: of the project. */
export function withCommandLine(target: ImageTarget, { values, call }: ComposeCommand, env: ComposeEnv): ImageTarget {
  const said = <T>(value: T): Said<T> => ({ value })
  const left = Object.entries(target.args ?? {}).filter(([name]) => !Object.hasOwn(values.buildArgs, name))
  const given = Object.entries(values.buildArgs).flatMap(([name, value = env[name]]) =>
    value === undefined ? [] : [[name, said(value)] as const],
  )
  const attest = [
    ...(values.provenance === undefined ? [] : [said(attestText('provenance', values.provenance))]),
    ...(values.sbom === undefined ? [] : [said(attestText('sbom', values.sbom))]),
  ]
  const output = [...(values.push && isNamed(target) ? ['type=registry'] : []), ...(values.load ? ['type=docker'] : [])]
  return {
    ...target,
    args: Object.fromEntries([...left, ...given]),
    ssh: [...(target.ssh ?? []), ...values.ssh.map(said)],
    attest: [...(target.attest ?? []), ...attest],
    output: output.length > 0 ? output.map(said) : (target.output ?? []),
    ...(call ? { call: said(call.kind === 'check' ? 'lint' : call.kind) } : {}),
    ...(values.noCache === undefined ? {} : { noCache: said(values.noCache) }),
    ...(values.pull === undefined ? {} : { pull: said(values.pull) }),
  }
}

/** Whether the service says `image`, without which compose pushes nothing; that name is the last of those of its build. */
function isNamed({ tags = [] }: ImageTarget): boolean {
  return tags.every(({ at }) => at !== undefined)
}

function attestText(type: string, text: string): string {
  if (/^(1|t|true)$/i.test(text)) return `type=${type}`
  return /^(0|f|false)$/i.test(text) ? `type=${type},disabled=true` : `type=${type},${text}`
}

function warn(warnings: readonly Diagnostic[], { stderr, env, cwd }: ComposeTerminal): void {
  const color = wantsColor(stderr.isTTY, env)
  stderr.write(formatDiagnostics(warnings, { color, readFile: (path) => readSource(resolve(cwd(), path)) }))
}
