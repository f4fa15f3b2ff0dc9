import { parseBuildContext } from './build-context.ts'
import { parseCacheTarget } from './cache.ts'
import type { NamedContext } from './options.ts'
import { parseOutput } from './output.ts'
import { userOnly, type Claim, type ProjectRule } from './project.ts'

const LABEL = 'value'

/** A file that is read. */
export const readsFile: ProjectRule = (path) => [{ kind: 'read', path }]

/** A file that is written. */
export const writesFile: ProjectRule = (path) => [{ kind: 'write', path }]

/** A Dockerfile: standard input and URLs are no files of this machine. */
export const readsDockerfile: ProjectRule = (path) =>
  path === '-' || /^https?:\/\//i.test(path) ? [] : [{ kind: 'read', path }]

/** `NAME=VALUE`; a name alone takes what the environment holds, and gives it to the steps. */
export const takesArgument: ProjectRule = (text) =>
  text.includes('=') ? [] : [{ kind: 'user', why: "it takes the value from the user's environment" }]

/** One `--output`. */
export const writesOutput: ProjectRule = (text) => {
  const output = parseOutput(text, LABEL)
  if (output.type === 'registry') return [{ kind: 'user', why: PUSHES }]
  // With --push it would be said to the user's credentials
  if (output.type === 'cacheonly' && output.insecure) return [{ kind: 'user', why: INSECURE }]
  if (output.type === 'load') return [{ kind: 'user', why: LOADS }]
  if (!('dest' in output) || output.dest === '-') return []
  const folder = output.type === 'local' || (output.type === 'oci' && !output.tar)
  return [{ kind: 'write', path: output.dest, folder }]
}

const INSECURE = 'it lets registries have any certificate'
const PUSHES = "it pushes with the user's credentials"
const LOADS = 'it puts images into a Docker Engine, under names of its choice'

/** `--push`. */
export const pushes: ProjectRule = userOnly(PUSHES)

/** `--load`. */
export const loads: ProjectRule = userOnly(LOADS)

/** One `--build-context`. */
export const readsContext: ProjectRule = (text) => contextClaims(parseBuildContext(text, LABEL).context)

/** `NAME=IMAGE` or `NAME=oci-layout://FOLDER`, of one platform. */
export const readsBase: ProjectRule = (text) =>
  /^[^=]*=(?:docker-image|oci-layout):\/\//i.test(text) ? readsContext(text) : []

function contextClaims(context: NamedContext): Claim[] {
  switch (context.kind) {
    case 'image':
    case 'target':
      return []
    case 'dir':
    case 'oci-layout':
      return [{ kind: 'read', path: context.path }]
    case 'remote': {
      const { remote } = context
      if (remote.kind === 'http') return []
      if (/^file:/i.test(remote.url)) return [{ kind: 'user', why: 'it reads a repository of this machine' }]
      return /^https?:|^git:/i.test(remote.url) ? [] : [{ kind: 'user', why: 'it connects to a server by ssh' }]
    }
  }
}

/** `--cache-from`, a folder of the project's own among them. */
export const readsCache: ProjectRule = userOnly('imported cache stays in the store, and other builds use it')

/** One `--cache-to`. */
export const writesCache: ProjectRule = (text) =>
  parseCacheTarget(text, LABEL).flatMap((target): Claim[] => {
    if (target.type === 'inline') return []
    if (target.type === 'local') return [{ kind: 'write', path: target.dest, folder: true }]
    return [{ kind: 'user', why: PUSHES }]
  })

/** `--network`: less than the default may always be asked for. */
export const setsNetwork: ProjectRule = (text) =>
  text === 'host' ? [{ kind: 'user', why: 'it gives steps the network of this machine' }] : []

/** `--add-host`: names of addresses that steps can reach anyway; this machine is none of them. */
export const addsHost: ProjectRule = (text) =>
  /[:=]host-gateway$/.test(text) ? [{ kind: 'user', why: 'it gives steps the address of this machine' }] : []

/** `--ulimit`: limits that the kernel's defaults keep small for the sake of the whole machine. */
export const setsLimit: ProjectRule = (text) =>
  /^(?:core|cpu|data|fsize|nofile|rss|stack|as)=/.test(text)
    ? []
    : [{ kind: 'user', why: 'the limit protects the whole machine' }]

/** `--accel`: what speculates may write other bytes than the image's own programs would. */
export const speculates: ProjectRule = (text) =>
  text === 'speculate' ? [{ kind: 'user', why: "it runs other programs than the image's own" }] : []

/** A program that runs on this machine. */
export const runsProgram: ProjectRule = (program) => [{ kind: 'run', program }]
