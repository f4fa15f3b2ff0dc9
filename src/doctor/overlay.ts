import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type NamespaceKind, spawnInNamespace } from '../emulation/namespace.ts'
import { here, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

/** As snapshots are mounted, with a file written and one removed; `rm` inside, where the owner of everything is. */
const TRY = `cd "$1" && mkdir lower upper work merged && echo below >lower/gone &&
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr,metacopy=off,index=off,xino=off merged &&
echo above >merged/new && rm merged/gone && test -c upper/gone && echo works
status=$?; cd /; umount "$1/merged" 2>/dev/null; rm -rf "$1"; exit $status`

/** Whether the store's file system carries overlay mounts, in the namespaces of native and of emulated steps. */
export async function checkOverlay({ uid, env, store, signal }: Machine): Promise<Finding[]> {
  const kinds: readonly NamespaceKind[] = uid === 0 ? ['root-native', 'root-emulate'] : ['rootless']
  const answers = await Promise.all(kinds.map((kind) => tryOverlay(kind, { env, signal, folder: store.folder.tmp })))
  if (answers.every((answer) => answer === 'no namespaces')) return [] // which is told as such
  const failed = answers.findIndex((answer) => typeof answer === 'object')
  if (failed === -1)
    return [
      here(
        'overlay',
        'ok',
        `${store.folder.root} carries overlay mounts${uid === 0 && answers.every((answer) => answer === 'works') ? ', in a user namespace too' : ''}`,
      ),
    ]
  const where = kinds[failed] === 'root-emulate' ? ' in a user namespace, as for emulated steps' : ''
  return [
    here(
      'overlay',
      'problem',
      `an overlay file system in ${store.folder.root} does not work${where}: ${(answers[failed] as Failure).said}`,
      {
        fix: 'Put the store on ext4, xfs, btrfs or tmpfs: name a folder there with XBUILD_HOME or --store',
      },
    ),
  ]
}

interface Failure {
  readonly said: string
}

async function tryOverlay(
  kind: NamespaceKind,
  { env, signal, folder }: { env: Machine['env']; signal: AbortSignal; folder: string },
): Promise<'works' | 'no namespaces' | Failure> {
  // The name says whose it is: what a killed process leaves is removed by the next build
  const scratch = await mkdtemp(join(folder, `${process.pid}-doctor-`))
  try {
    const child = await spawnInNamespace(kind, '/bin/sh', ['-c', TRY, 'sh', scratch], {
      handlers: [],
      env,
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!)])
    if (out.includes('works')) return 'works'
    return {
      said:
        err
          .trim()
          .split('\n')[0]
          ?.trim()
          .replace(/^mount: [^:]*: /, '') || 'a removed file left no whiteout',
    }
  } catch {
    signal.throwIfAborted()
    return 'no namespaces'
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => undefined)
  }
}
