import { once } from 'node:events'
import { XbuildError } from '../errors.ts'
import { findProgram } from '../host/files.ts'
import { startProgram } from '../host/start.ts'
import { repairStore, storeHealth } from '../store/health.ts'
import type { Store } from '../store/store.ts'
import type { Finding, Repair } from './finding.ts'

export interface RepairEdges {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  readonly signal: AbortSignal
  /** Absent: it could not be opened. */
  readonly store: Store | undefined
  /** Told what is done before it is done, and what came of it. */
  readonly say: (line: string) => void
}

/**
 * Does what can be done about findings without taking anything away from anybody. A repair that fails is told, and
 * the others are done.
 */
export async function repairAll(findings: readonly Finding[], edges: RepairEdges): Promise<void> {
  for (const repair of mergeRepairs(findings)) {
    try {
      await repairOne(repair, edges)
    } catch (error) {
      edges.signal.throwIfAborted()
      const { message, hint } = error as XbuildError
      edges.say(`${message}${hint ? `. ${hint}` : ''}`)
    }
  }
}

/** Every repair once, all packages in one. */
export function mergeRepairs(findings: readonly Finding[]): Repair[] {
  const repairs = findings.flatMap(({ state, repair }) => (repair && state !== 'ok' ? [repair] : []))
  const packages = [...new Set(repairs.flatMap((repair) => (repair.kind === 'packages' ? repair.packages : [])))].sort()
  const rest = repairs.filter(
    ({ kind }, index) => kind !== 'packages' && repairs.findIndex((other) => other.kind === kind) === index,
  )
  return [...(packages.length > 0 ? [{ kind: 'packages', packages } as const] : []), ...rest]
}

async function repairOne(repair: Repair, edges: RepairEdges): Promise<void> {
  switch (repair.kind) {
    case 'packages': {
      if (!(await findProgram('apt-get', edges.env['PATH']))) {
        throw new XbuildError('HOST', 'Cannot install packages: there is no apt-get here', {
          hint: `Install what Debian calls ${repair.packages.join(', ')} with this system's package manager`,
        })
      }
      const install = [
        'env',
        'DEBIAN_FRONTEND=noninteractive',
        'apt-get',
        'install',
        '-y',
        '--no-install-recommends',
        ...repair.packages,
      ]
      if (await asRoot(install, edges)) return
      // A fresh machine has no package lists, or old ones
      if ((await asRoot(['apt-get', 'update'], edges)) && (await asRoot(install, edges))) return
      throw new XbuildError('HOST', `Cannot install ${repair.packages.join(', ')}: apt-get failed`)
    }
    case 'ids': {
      const range = `${repair.start}-${repair.start + repair.count - 1}`
      if (!(await asRoot(['usermod', '--add-subuids', range, '--add-subgids', range, repair.user], edges)))
        throw new XbuildError('HOST', `Cannot give ids to ${repair.user}: usermod failed`)
      return
    }
    case 'store': {
      const { store, uid, say } = edges
      if (!store) return
      const { doubtful } = await storeHealth(store, uid)
      say(`Hashing ${doubtful.length} blobs in ${store.folder.root}`)
      const done = await repairStore(store, doubtful)
      say(
        'waitsFor' in done
          ? `Not checked: the store is in use by ${done.waitsFor}`
          : `Removed ${done.removed} with wrong content; builds download or make them again`,
      )
    }
  }
}

/**
 * Runs a program as root, with sudo where that is needed, showing what it prints on stderr. Says whether it ended
 * well.
 */
async function asRoot(command: readonly string[], { env, uid, signal, say }: RepairEdges): Promise<boolean> {
  const shown = command.filter((word) => word !== 'env' && !word.startsWith('DEBIAN_FRONTEND')).join(' ')
  if (uid !== 0 && !(await findProgram('sudo', env['PATH'])))
    throw new XbuildError('HOST', `Cannot run "${shown}": root is required, and there is no sudo`, {
      hint: 'Run xbuild doctor --fix as root',
    })
  // A password can be asked for on a terminal only
  const sudo = uid === 0 ? [] : process.stdin.isTTY ? ['sudo'] : ['sudo', '--non-interactive']
  const [file, ...args] = [...sudo, ...command]
  say(`Running: ${[...sudo, shown].join(' ')}`)
  const child = startProgram(file!, args, {
    stdio: [process.stdin.isTTY ? 'inherit' : 'ignore', 2, 2],
    env: env as NodeJS.ProcessEnv,
    signal,
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0
}
