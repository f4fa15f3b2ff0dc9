import { chmodSync, lchownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { runProgram } from '../../host/spawn.ts'
import type { FileOwner } from '../../dockerfile/run-mounts.ts'
import { resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import type { WorkerMount } from '../protocol.ts'
import { forwardAgent } from './forward-agent.ts'
import type { StepMount } from './nested-mounts.ts'
import { withDraft, withTree, type WorkerFolders } from './overlay.ts'

/** The mounts of a RUN, ready for the runtime. */
export interface PreparedMounts {
  /** As the runtime's configuration wants them. */
  readonly mounts: readonly StepMount[]
  /** Sources of mounts that other steps may have at the same time, and write to. */
  readonly caches: ReadonlySet<string>
  /** Targets, by what must be there to mount them on. */
  readonly folders: readonly string[]
  readonly files: readonly string[]
  /** `NAME=value` of secrets that are variables. */
  readonly env: readonly string[]
  /** Contents that must not be seen in a log. */
  readonly secrets: readonly Buffer[]
  /** A folder in memory, when there are secrets: for everything that holds one. */
  readonly memory?: string
}

type Collected = {
  -readonly [K in keyof PreparedMounts]: PreparedMounts[K] extends readonly (infer T)[] ? T[] : PreparedMounts[K]
}

/** Makes ready what the mounts need, lets `use` run, and takes it away again. `scratch` is a folder of this step. */
export async function withMounts<T>(
  folders: WorkerFolders,
  { mounts, scratch, refuseNodes }: { mounts: readonly WorkerMount[]; scratch: string; refuseNodes?: boolean },
  use: (prepared: PreparedMounts) => Promise<T>,
): Promise<T> {
  const caches = new Set<string>()
  const collected: Collected = { mounts: [], caches, folders: [], files: [], env: [], secrets: [] }

  async function next(index: number): Promise<T> {
    const mount = mounts[index]
    if (!mount) return use(collected)
    const go = () => next(index + 1)
    switch (mount.type) {
      case 'bind': {
        const bind = (root: string) => {
          add(mount.target, sourceIn(root, mount.source), mount.writable ? [] : ['ro'])
          return go()
        }
        return mount.writable ? withDraft(folders, mount.lowers, bind) : withTree(folders, mount.lowers, bind)
      }
      case 'cache': {
        const path = join(folders.snapshots, mount.id)
        caches.add(path)
        add(mount.target, path, mount.readonly ? ['ro'] : [])
        if (mount.readonly) return go()
        markChanged(path)
        try {
          return await go()
        } finally {
          markChanged(path)
        }
      }
      case 'tmpfs': {
        const size = mount.size === undefined ? [] : [`size=${mount.size}`]
        collected.mounts.push({
          destination: mount.target,
          type: 'tmpfs',
          source: 'tmpfs',
          options: ['nosuid', 'nodev', 'mode=1777', ...size],
        })
        collected.folders.push(mount.target)
        return go()
      }
      case 'secret': {
        const content = Buffer.from(mount.content, 'base64')
        collected.secrets.push(content)
        if (mount.env !== undefined) collected.env.push(`${mount.env}=${content.toString('utf8')}`)
        if (mount.target !== undefined) {
          const file = join(collected.memory!, `secret-${index}`)
          writeFileSync(file, content, { flag: 'wx', mode: 0o600 })
          own(file, mount.owner, mount.target)
          add(mount.target, file, ['ro', 'nosuid', 'nodev', 'noexec'])
        }
        return go()
      }
      case 'ssh': {
        const { path, close } = await forwardAgent(mount.socket, {
          folder: scratch,
          name: `agent-${index}`,
          owner: mount.owner,
        })
        try {
          add(mount.target, path, [])
          setOnce('SSH_AUTH_SOCK', mount.target)
          return await go()
        } finally {
          close()
        }
      }
      case 'variable':
        setOnce(mount.name, mount.value)
        return go()
    }
  }

  function setOnce(name: string, value: string): void {
    if (!collected.env.some((variable) => variable.startsWith(`${name}=`))) collected.env.push(`${name}=${value}`)
  }

  function add(target: string, source: string, options: readonly string[]): void {
    collected.mounts.push({
      destination: target,
      type: 'bind',
      source,
      options: ['rbind', ...(refuseNodes ? ['nodev'] : []), ...options],
    })
    ;(lstatIfPresent(source)?.isDirectory() ? collected.folders : collected.files).push(target)
  }

  if (!mounts.some(({ type }) => type === 'secret')) return next(0)
  return withMemory(join(scratch, 'memory'), (memory) => {
    collected.memory = memory
    return next(0)
  })
}

function sourceIn(root: string, source: string): string {
  const path = resolveInRoot(root, source)
  if (!lstatIfPresent(path)) {
    throw new XbuildError('NOT_FOUND', `Cannot mount "${source}": no such file or folder in what is mounted`, {
      hint: 'The source of a mount is a path from the root of its stage, image or context',
    })
  }
  return path
}

function own(file: string, { uid, gid, mode }: FileOwner, target: string): void {
  try {
    lchownSync(file, uid, gid)
  } catch (cause) {
    throw new XbuildError(
      'HOST',
      `Cannot give "${target}" to ${uid}:${gid}: these ids are not in the range of this user`,
      {
        cause,
        hint: 'Give the user a range of ids in /etc/subuid and /etc/subgid, or leave out uid and gid',
      },
    )
  }
  chmodSync(file, mode)
}

/** A folder whose content never comes to the disk of the store. */
async function withMemory<T>(folder: string, use: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(folder, { mode: 0o700 })
  await runProgram('mount', ['-t', 'tmpfs', '-o', 'mode=0700,nosuid,nodev', 'xbuild-secrets', folder])
  try {
    return await use(folder)
  } finally {
    await runProgram('umount', [folder]).catch(() => runProgram('umount', ['--lazy', folder]))
  }
}

/** What is written deep in a folder leaves its own ctime, by which the store knows what a sync has covered. */
function markChanged(folder: string): void {
  chmodSync(folder, statSync(folder).mode & 0o7777)
}
