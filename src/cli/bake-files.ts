import { resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { targetOfImage } from '../config/bake/compose.ts'
import type { BakeInput } from '../config/bake/config.ts'
import type { BakeFile } from '../config/bake/document.ts'
import type { BakeCommand } from '../config/bake/flags.ts'
import { XbuildError } from '../errors.ts'
import { cleanText } from '../ui/text.ts'
import { checkFoundFile } from './found-file.ts'
import { createGrantedJudge } from './granted.ts'
import { readProjectText } from './project-text.ts'
import type { Terminal } from './terminal.ts'

/** Names that are looked for, in the order in which they add to each other. */
const DEFAULTS = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yml',
  'docker-compose.yaml',
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
]

/** The files of a bake: those that are named, or those of the folder. Throws NOT_FOUND. */
export async function readBakeFiles(
  command: BakeCommand,
  terminal: Pick<Terminal, 'stdin' | 'stderr' | 'env'>,
): Promise<Pick<BakeInput, 'files' | 'base' | 'baseGroups'>> {
  const { files: named, shared } = command
  const found: BakeFile[] = []
  for (const name of named.length > 0 ? named : DEFAULTS) {
    const path = name.startsWith('cwd://') ? name.slice('cwd://'.length) : name
    if (named.length === 0) checkFoundFile(resolve(shared.cwd, path), { shown: path, hint: `Name it with -f ${path}` })
    const text = path === '-' ? await readAll(terminal.stdin) : readProjectText(resolve(shared.cwd, path), path)
    if (text !== undefined) found.push({ name: path, text })
    else if (named.length > 0) throw new XbuildError('NOT_FOUND', `Cannot read "${path}": no such file`)
  }
  const full = found.filter(({ text }) => text !== '')
  if (full.length === 0)
    throw new XbuildError('NOT_FOUND', 'Cannot bake: there is no bake file in this folder', {
      hint: `Write docker-bake.hcl, or name a file with -f. xbuild looks for ${DEFAULTS.join(', ')}`,
    })
  const compose = full.filter(isCompose)
  const files = full.filter((file) => !compose.includes(file))
  return compose.length === 0 ? { files } : { files, ...(await composeBase(compose, command, terminal)) }
}

function isCompose({ name, text }: BakeFile): boolean {
  if (/\.ya?ml$/i.test(name)) return true
  return !/\.(?:hcl|json)$/i.test(name) && /^services:[ \t]*$/m.test(text)
}

/** The services of compose files as targets, and as the group `default`. Profiles and dependencies do not matter. */
async function composeBase(
  files: readonly BakeFile[],
  { values, shared: { cwd } }: BakeCommand,
  { env, stderr }: Pick<Terminal, 'stderr' | 'env'>,
): Promise<Pick<BakeInput, 'base' | 'baseGroups'>> {
  const [{ readComposeTargets }, { parseDotenv }] = await Promise.all([
    import('../config/compose/project.ts'),
    import('../config/compose/dotenv.ts'),
  ])
  const judge = createGrantedJudge(cwd, values.allow, cwd)
  const hint = 'Give --allow fs.read=FILE when you trust it'
  checkFoundFile(resolve(cwd, '.env'), { shown: '.env', hint, judge })
  const dotenv = readProjectText(resolve(cwd, '.env'), '.env')
  const own = dotenv === undefined ? {} : parseDotenv(dotenv, '.env', (name) => env[name])
  const read = (path: string): string | undefined => {
    const why = judge({ kind: 'read', path })
    if (why === undefined) return readProjectText(resolve(cwd, path), path)
    throw new XbuildError('BAD_OPTION', `Cannot read "${path}": ${why}`, {
      hint: `Give --allow fs.read=${path} when you trust the file`,
    })
  }
  const { targets, warnings } = readComposeTargets({
    files: files.map(({ name, text }) => ({ path: name, text })),
    // Relative paths stay what they are, as --print shows them
    folder: '.',
    env: { ...own, ...env, ...values.vars },
    home: env['HOME'],
    read,
    show: (path) => path,
  })
  for (const { message, at, hint } of warnings)
    stderr.write(
      `warning: ${cleanText(`${at.file}:${at.line}:${at.column ?? 1}: ${message}${hint ? `. ${hint}` : ''}`)}\n`,
    )
  return {
    base: targets.map(targetOfImage),
    baseGroups: [{ name: 'default', targets: targets.map(({ name }) => name), unlisted: true }],
  }
}
