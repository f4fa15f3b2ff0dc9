import { compact } from '../compact.ts'
import type { ContainerConfig } from '../oci/manifest.ts'
import { envProgram } from './env-line.ts'
import type { ImageTree, PlacedProgram } from './image-tree.ts'
import { cleanPath } from './layer-files.ts'

/** Why a program is started, and the interpreter that a script lacks. */
export interface Reached {
  readonly because: string
  readonly missing?: string
  /** The float ABI of what loads it. */
  readonly abi?: string
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** More folders than any PATH has: each is looked through. */
const MAX_FOLDERS = 100
/** What a shell line is cut at to find the programs that it may start. */
const SHELL_WORDS = /[\s;&|()<>"'`$]+/
/** `-c`, or the last one of `-ec` and the like: a line follows. */
const LINE_OPTION = /^-[a-z]*c$/
/** Programs whose arguments are programs of other CPUs and systems. */
const EMULATOR = /(?:^|\/)(?:qemu-[\w-]+|wine[\w.-]*|box(?:32|64|86)|FEX(?:Interpreter|Loader)?)$/
/** Started by the kernel of a host that has no emulator of its own at hand, by no name in the image. */
const HOST_EMULATOR = /(?:^|\/)qemu-\w+-static$/
/** Nobody starts these by a name in PATH but on Windows. */
const OF_WINDOWS = /\.(?:exe|com|dll|efi)$/i

/**
 * The programs that ENTRYPOINT, CMD, HEALTHCHECK and PATH lead to, the interpreters of their scripts, and the
 * libraries that they load, by real path without the first slash.
 */
export function reachable(tree: ImageTree, config: ContainerConfig): ReadonlyMap<string, Reached> {
  const found = new Map<string, Reached>()
  const path = config.Env?.findLast((entry) => entry.startsWith('PATH='))?.slice(5) ?? DEFAULT_PATH
  const cwd = config.WorkingDir ?? '/'
  const from = (folder: string, to: string) => (to.startsWith('/') ? to : `/${cleanPath(`${folder}/${to}`)}`)
  const folders = [...new Set(path.split(':').filter(Boolean))].slice(0, MAX_FOLDERS).map((one) => from(cwd, one))
  const libraries = byName(tree)
  const inFolders = (name: string) =>
    folders.map((folder) => tree.find(`${folder}/${name}`)).find((file) => file?.executable)

  const waiting: { readonly file: PlacedProgram; readonly strict: boolean }[] = []
  let isFollowing = false

  function reach(
    file: PlacedProgram | undefined,
    because: string,
    { strict, abi }: { strict: boolean; abi?: string | undefined },
  ): void {
    if (!file || found.has(file.path)) return
    found.set(file.path, { because, ...compact({ abi }) })
    waiting.push({ file, strict })
    if (isFollowing) return
    // A list and no recursion: a chain of libraries of a hostile image is longer than the stack
    isFollowing = true
    for (let next = waiting.pop(); next; next = waiting.pop()) follow(next.file, next.strict)
    isFollowing = false
  }

  function follow(file: PlacedProgram, strict: boolean): void {
    const loading = { strict: false, abi: file.program?.abi }
    for (const name of file.program?.needed ?? []) {
      const library = libraries(name)
      if (library) reach(library, `a library of /${file.path}`, loading)
    }
    if (file.program?.loader !== undefined)
      reach(tree.find(file.program.loader), `the loader of /${file.path}`, loading)
    if (file.script) interpret(file, file.script, { strict })
  }

  function interpret(file: PlacedProgram, [first, ...rest]: readonly string[], { strict }: { strict: boolean }): void {
    const because = `the interpreter of /${file.path}`
    const interpreter = tree.find(first!)
    reach(interpreter, because, { strict })
    const lacks = (missing: string) => strict && found.set(file.path, { ...found.get(file.path)!, missing })
    if (!interpreter && !tree.has(first!)) lacks(first!)
    if (!first!.endsWith('/env')) return
    const started = envProgram(rest)
    if (!started) return
    const { name, isSure } = started
    const named = name.includes('/') ? tree.find(name) : inFolders(name)
    if (named) reach(named, because, { strict })
    else if (isSure && interpreter && !name.includes('/') && !folders.some((folder) => tree.has(`${folder}/${name}`)))
      lacks(name)
  }

  const words = (argv: readonly string[] | undefined, because: string, { isFirst }: { isFirst: boolean }) => {
    const line = isShell(argv?.[0]) ? argv!.findIndex((word, index) => index > 0 && LINE_OPTION.test(word)) : -1
    let isEmulated = false
    let folder = cwd
    const all = line > 0 ? [argv![0]!, ...argv!.slice(line + 1).flatMap((one) => one.split(SHELL_WORDS))] : (argv ?? [])
    for (const [index, word] of all.entries()) {
      // What follows is for a CPU of its own
      if (EMULATOR.test(word)) isEmulated = true
      else if (isEmulated) break
      const file = word.startsWith('/')
        ? tree.find(word)
        : word.includes('/')
          ? tree.find(from(folder, word))
          : index === 0 && isFirst
            ? inFolders(word)
            : undefined
      reach(file, because, { strict: index === 0 && isFirst })
      if (line > 0 && all[index - 1] === 'cd') folder = from(folder, word)
    }
  }
  const { Entrypoint, Cmd, Healthcheck } = config
  words(Entrypoint, 'ENTRYPOINT', { isFirst: true })
  words(Cmd, 'CMD', { isFirst: (Entrypoint ?? []).length === 0 })
  const test = Healthcheck?.Test ?? []
  words(test[0] === 'CMD-SHELL' ? ['/bin/sh', '-c', ...test.slice(1)] : test.slice(1), 'HEALTHCHECK', { isFirst: true })
  const real = folders.map((folder) => tree.resolve(folder))
  const inFolder = programsIn(tree, new Set(real))
  for (const folder of real) {
    if (folder === undefined) continue
    for (const file of inFolder.get(folder) ?? []) if (isInPath(file)) reach(file, 'PATH', { strict: false })
    for (const link of tree.linksIn(folder)) {
      const file = tree.find(link)
      if (file && isInPath(file)) reach(file, 'PATH', { strict: false })
    }
  }
  return found
}

/** Whether a file in a folder of PATH may be started by its name. */
function isInPath({ path, executable, program }: PlacedProgram): boolean {
  return executable && !HOST_EMULATOR.test(path) && !(program?.format === 'pe' && OF_WINDOWS.test(path))
}

function isShell(word = ''): boolean {
  return /(?:^|\/)(?:ba|da|a|k|z)?sh$/.test(word)
}

/** Files by name; of several of a name the loader takes one of the right kind, which is not known here. */
function byName(tree: ImageTree): (name: string) => PlacedProgram | undefined {
  const paths = new Map<string, string | string[]>()
  const add = (path: string) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    const there = paths.get(name)
    if (there === undefined) paths.set(name, path)
    else if (typeof there === 'string') paths.set(name, [there, path])
    else there.push(path)
  }
  for (const path of tree.programs.keys()) add(path)
  for (const path of tree.links()) add(path)
  const known = new Map<string, PlacedProgram | undefined>()
  return (name) => {
    if (known.has(name)) return known.get(name)
    // Links are followed only when something asks for their name
    const there = paths.get(name) ?? []
    const files = new Set((typeof there === 'string' ? [there] : there).flatMap((path) => tree.find(path) ?? []))
    const [file] = files.size === 1 ? files : []
    known.set(name, file)
    return file
  }
}

/** The programs right below some folders. */
function programsIn(tree: ImageTree, folders: ReadonlySet<string | undefined>): Map<string, PlacedProgram[]> {
  const found = new Map<string, PlacedProgram[]>()
  for (const file of tree.programs.values()) {
    const folder = parentOf(file.path)
    if (!folders.has(folder)) continue
    const there = found.get(folder)
    if (there) there.push(file)
    else found.set(folder, [file])
  }
  return found
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
