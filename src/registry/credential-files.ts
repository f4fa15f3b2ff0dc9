import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { homeFolder } from '../host/home.ts'

/** The part of Docker's `config.json` and Podman's `auth.json` that is about credentials. */
export interface CredentialFile {
  /** Path, or the name of the variable that holds the text. */
  readonly from: string
  readonly auths: Readonly<Record<string, FileEntry>>
  readonly credHelpers: Readonly<Record<string, string>>
  readonly credsStore?: string
}

/** One entry of `auths`; `auth` is base64 of `user:password`. */
export interface FileEntry {
  readonly auth?: string
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** All files that may hold credentials, the more explicit first; `problems` names those that cannot be used. */
export async function readCredentialFiles(
  env: Environment,
): Promise<{ files: CredentialFile[]; problems: string[]; searched: string[] }> {
  const files: CredentialFile[] = []
  const problems: string[] = []
  const searched: string[] = []
  const add = (from: string, text: string) => {
    const file = parseCredentialFile(from, text)
    if (file) files.push(file)
    else problems.push(`Cannot read credentials "${from}": it is not the JSON that docker login writes`)
  }
  if (env['DOCKER_AUTH_CONFIG']) add('DOCKER_AUTH_CONFIG', env['DOCKER_AUTH_CONFIG'])
  for (const path of candidates(env)) {
    searched.push(path)
    try {
      add(path, await readFile(path, 'utf8'))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        problems.push(`Cannot read credentials "${path}": ${code ?? message}`)
    }
  }
  return { files, problems, searched }
}

function candidates(env: Environment): string[] {
  const home = homeFolder(env)
  const paths = [
    env['REGISTRY_AUTH_FILE'],
    join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
    env['XDG_RUNTIME_DIR'] && join(env['XDG_RUNTIME_DIR'], 'containers/auth.json'),
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers/auth.json'),
  ]
  return [...new Set(paths.filter((path) => path !== undefined && path !== ''))] as string[]
}

/** Undefined when the text is not such a file; entries of a wrong shape are left out. */
function parseCredentialFile(from: string, text: string): CredentialFile | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(json)) return undefined
  const { auths, credHelpers, credsStore } = json
  return {
    from,
    auths: Object.fromEntries(
      Object.entries(isRecord(auths) ? auths : {}).map(([key, entry]) => [key, fileEntry(entry)]),
    ),
    credHelpers: isRecord(credHelpers) ? texts(credHelpers) : {},
    ...(typeof credsStore === 'string' && credsStore ? { credsStore } : {}),
  }
}

function fileEntry(value: unknown): FileEntry {
  return isRecord(value) ? texts(value) : {}
}

function texts(record: Record<string, unknown>): Record<string, string> {
  const isText = (pair: [string, unknown]): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== ''
  return Object.fromEntries(Object.entries(record).filter(isText))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
