import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { CompleteOptions } from '../../config/options.ts'
import { basename, join, resolve } from 'node:path'
import type { Agents } from '../../host/http/agents.ts'
import type { SendHttp } from '../../host/http/send.ts'
import { once } from '../../host/once.ts'
import { readIgnore } from '../../content/context.ts'
import type { FolderRead } from '../../content/built-image.ts'
import type { RemoteBuild } from '../remote-build.ts'
import type { Served } from './grpc/server.ts'
import { storeLayoutTar } from './layout-tar.ts'
import type { NamedRegistries } from './named-registries.ts'
import { authService } from './session/auth.ts'
import { contentService } from './session/content.ts'
import { storeContents, type Contents } from './session/contents.ts'
import { fileSendService } from './session/file-send.ts'
import { fileSyncService } from './session/file-sync.ts'
import { givenBlobs, type GivenBlobs } from './session/given.ts'
import { healthService } from './session/health.ts'
import { secretsService } from './session/secrets.ts'
import { sshService } from './session/ssh.ts'
import { uploadService } from './session/upload.ts'
import { IGNORE_FILE } from './sync/filter.ts'
import { followPaths } from './sync/follow.ts'
import { folderTree, memoryTree, type Tree } from './sync/tree.ts'

/** What a session has to give; jobs may add to it while it is open. */
export interface SessionInputs {
  readonly services: readonly Served[]
  readonly sharedKey: string
  /** Content stores by name, for images that are inputs and for caches. */
  readonly stores: Map<string, Contents>
  /** Folders by name, real ones and others. */
  readonly trees: Map<string, Tree>
  /** What the daemon has read of folders so far. */
  readonly reads: readonly FolderRead[]
  /** What of the store is the daemon's own. */
  readonly given: GivenBlobs
  close(): void
}

/** Names of a session's trees; a named context has the prefix before its name. */
export const TREE = { context: 'context', dockerfile: 'dockerfile', named: 'named-' } as const

/** What an archive is called in the URL of the context. */
export const ARCHIVE = 'context.tar'

/** Everything that jobs of this build may be asked for by a daemon. */
export function openInputs(
  build: RemoteBuild,
  env: Readonly<Record<string, string | undefined>>,
  { named, endpoint }: { readonly named: NamedRegistries; readonly endpoint: string },
): SessionInputs {
  const { context, options, credentials } = build
  const trees = new Map<string, Tree>([[TREE.dockerfile, dockerfileTree(build)]])
  if (context.kind === 'folder') trees.set(TREE.context, treeOf(context.path, ignoredBy(build)))
  if (context.kind === 'nothing') trees.set(TREE.context, memoryTree({}))
  for (const [name, named] of Object.entries(options.buildContexts)) {
    if (named.kind !== 'dir') continue
    const path = resolve(options.cwd, named.path)
    trees.set(
      TREE.named + name,
      treeOf(path, () => readIgnore([join(path, IGNORE_FILE)])),
    )
  }
  const given = givenBlobs(build.store, endpoint)
  const stores = new Map<string, Contents>([['export', storeContents(build.store, given)]])
  const files = new Map(context.kind === 'archive' ? [[ARCHIVE, context.file]] : [])
  const reads: FolderRead[] = []
  const { http, close } = tokenHttp(options, env)
  return {
    services: [
      ...healthService(),
      ...fileSyncService(trees, (read) => reads.push(read)),
      ...secretsService(build.secret),
      ...sshService(build.agent),
      ...authService({ credentials, http, registries: options.registries, named, warn: build.warn }),
      ...uploadService(files),
      ...contentService(stores),
      ...fileSendService((file) => storeLayoutTar(file, build.store, given)),
    ],
    sharedKey: sharedKeyOf(build),
    stores,
    trees,
    reads,
    given,
    close,
  }
}

/** Connections to token services, made when the first is asked. */
function tokenHttp(
  { registries }: CompleteOptions,
  env: Readonly<Record<string, string | undefined>>,
): { http: () => Promise<SendHttp>; close: () => void } {
  let agents: Agents | undefined
  return {
    async http() {
      const [{ createAgents }, { createHttp }, { configOf }] = await Promise.all([
        import('../../host/http/agents.ts'),
        import('../../host/http/send.ts'),
        import('../../registry/endpoint.ts'),
      ])
      agents ??= createAgents({ env, tlsOf: (host) => configOf(host, registries), reach: 'no-metadata' })
      return createHttp({ agents, idleTimeout: 60_000 })
    },
    close: () => agents?.close(),
  }
}

/**
 * The text as the daemon looks for it. The ignore file of its own stands for whichever there is: the daemon then asks
 * for no other, and an empty one would not count.
 */
export function dockerfileTree({ dockerfile, context }: RemoteBuild): Tree {
  return memoryTree({
    Dockerfile: dockerfile.text,
    ...(context.kind === 'folder' ? { 'Dockerfile.dockerignore': `${['#', ...context.ignore].join('\n')}\n` } : {}),
  })
}

/** What .dockerignore leaves out stays here, whatever a daemon asks for. */
function treeOf(path: string, ignored: () => Promise<readonly string[]>): Tree {
  return {
    ...folderTree(path, (paths) => followPaths(path, paths)),
    kept: once(async () => (await ignored()).filter((line) => !line.startsWith('#') && line.trim() !== '')),
  }
}

/** A frontend of another language may have rules of its own for what it reads. */
function ignoredBy({ dockerfile, context }: RemoteBuild): () => Promise<readonly string[]> {
  return async () => (context.kind === 'folder' && !dockerfile.frontend ? context.ignore : [])
}

/** The daemon keeps a copy of a tree under it: the same folder of the same machine is only compared the next time. */
function sharedKeyOf({ context, options }: RemoteBuild): string {
  const path = context.kind === 'folder' ? context.path : resolve(options.cwd)
  return `${basename(path)}:${createHash('sha256').update(`${hostname()}\0${path}`).digest('hex').slice(0, 24)}`
}

/** Builds with the same key can be served by one session: the daemon then sees that steps are the same. */
export function inputsKey({ options, dockerfile, context }: RemoteBuild): string {
  const { cwd, buildContexts, secrets, ssh } = options
  return JSON.stringify([cwd, buildContexts, secrets, ssh, dockerfile, context])
}
