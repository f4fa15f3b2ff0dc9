import { parseDockerfile } from '../../dockerfile/parse.ts'
import { folderOf } from '../images/paths.ts'
import type { ImageTarget } from '../images/target.ts'
import type { InitNote } from './write.ts'

/** A Dockerfile that was found; `path` is relative to the folder of the project. */
export interface FoundDockerfile {
  readonly path: string
  readonly text: string
}

/** Whether a file of this name is a Dockerfile. */
export function isDockerfile(name: string): boolean {
  return (
    /^(?:dockerfile|containerfile)(?:\.[\w.-]+)?$|^[\w.-]+\.(?:dockerfile|containerfile)$/i.test(name) &&
    !/\.dockerignore$/i.test(name)
  )
}

/**
 * An image for each Dockerfile. Its context is its folder, or the project's where only that has what it copies;
 * `has` tells whether a path of the project is there.
 */
export function dockerfileTargets(
  found: readonly FoundDockerfile[],
  { project, has }: { readonly project: string; readonly has: (path: string) => boolean },
): { readonly targets: readonly ImageTarget[]; readonly notes: readonly InitNote[] } {
  const notes: InitNote[] = []
  const names = new Set<string>()
  const targets = found.flatMap(({ path, text }): ImageTarget[] => {
    const [problem] = parseDockerfile(text, { file: path }).diagnostics.filter(({ severity }) => severity === 'error')
    if (problem) {
      notes.push({ file: path, message: `left out, line ${problem.at.line}: ${problem.message}` })
      return []
    }
    const folder = folderOf(path)
    const sources = copied(text)
    const missing = (from: string) => sources.filter((source) => !has(from === '.' ? source : `${from}/${source}`))
    const atRoot = folder !== '.' && missing(folder).length > 0 && missing('.').length === 0
    const context = atRoot ? '.' : folder
    if (!atRoot && missing(folder)[0] !== undefined)
      notes.push({ file: path, message: `its context is a guess: "${missing(folder)[0]}" is not in "${folder}"` })
    const file = path.slice(context === '.' ? 0 : context.length + 1)
    const name = freeName(nameOf(path, project), path, names)
    return [{ name, context: { value: context }, ...(file === 'Dockerfile' ? {} : { dockerfile: { value: file } }) }]
  })
  return { targets, notes }
}

/** What COPY and ADD take from the context, as far as words tell. */
function copied(text: string): string[] {
  const lines = text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)
  return lines.flatMap((line) => {
    const [, rest] = /^\s*(?:COPY|ADD)\s+(.*)$/i.exec(line) ?? []
    if (rest === undefined || /--from=|<<|^\s*\[/.test(rest)) return []
    const words = rest.split(/\s+/).filter((word) => word !== '' && !word.startsWith('--'))
    return words
      .slice(0, -1)
      .filter((word) => !/[*?[$"']|:\/\//.test(word))
      .map((word) => word.replace(/^\.?\/+/, '').replace(/\/+$/, ''))
      .filter((word) => word !== '' && word !== '.')
  })
}

/** `web` of `web.Dockerfile`, `Dockerfile.web` and `services/web/Dockerfile`. */
function nameOf(path: string, project: string): string {
  const folder = folderOf(path)
  const file = path.slice(folder === '.' ? 0 : folder.length + 1)
  const own = file.replace(/^(?:dockerfile|containerfile)\.?|\.(?:dockerfile|containerfile)$/gi, '')
  return own !== '' ? own : folder === '.' ? project : folder.slice(folder.lastIndexOf('/') + 1)
}

function freeName(wanted: string, path: string, names: Set<string>): string {
  const clean = (text: string) => text.replaceAll(/[^\w.-]+/g, '-').replace(/^[^A-Za-z0-9_]+|-+$/g, '') || 'image'
  let name = clean(wanted)
  if (names.has(name)) name = clean(path.replace(/\/?(?:dockerfile|containerfile)$/i, '').replaceAll('/', '-'))
  for (let count = 2; names.has(name); count++) name = `${clean(wanted)}-${count}`
  names.add(name)
  return name
}
