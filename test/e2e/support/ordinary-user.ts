import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { root } from './places.ts'
import { inTurn } from './turns.ts'
import { run, runOk, type Ended } from './xbuild.ts'

/** Its own for each run of the tests: two may run at a time. */
const NAME = `xbuild-e2e-${process.pid}`

/** Everybody may open that device where udev makes it, as in a machine; a container's is often root's alone. */
const OPEN_TUN = '[ ! -c /dev/net/tun ] || mount --bind "$0" /dev/net/tun'

/** An ordinary user: a new one when the tests run as root, else the one who runs them. */
export interface OrdinaryUser {
  /** A folder of the user's own. */
  readonly home: string
  /** A checkout that the user can read: this one, or a copy of its parts. */
  checkout(): string
  /** Runs a program as that user, in that folder, without any capability. */
  run(file: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
  /** Runs Node as that user. */
  node(args: readonly string[]): Promise<Ended>
  /** Runs xbuild as that user. */
  xbuild(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
  /** From now on the user sees `file` at `path`; only when the tests run as root. */
  cover(path: string, file: string): void
  /** Copies a folder to where the user can read it; gives back the copy. */
  give(folder: string, name: string): Promise<string>
}

/** Makes the user for the tests of the calling file, and removes it after them. */
export function ordinaryUser(ownFolder: string): OrdinaryUser {
  const asRoot = process.getuid?.() === 0
  const home = join(ownFolder, 'home')
  const tun = join(ownFolder, 'tun')
  const covers: string[] = []
  const whole = join(ownFolder, 'proc')
  const paths = { node: process.execPath, checkout: root }

  beforeAll(async () => {
    mkdirSync(home, { recursive: true })
    if (!asRoot) return
    await runOk('chmod', ['755', ownFolder])
    await runOk('mknod', ['--mode=666', tun, 'c', '10', '200'])
    await inTurn('users', async () => {
      await runOk('useradd', ['--no-create-home', '--home-dir', home, NAME])
      if (!readFileSync('/etc/subuid', 'utf8').includes(`${NAME}:`)) {
        await runOk('usermod', ['--add-subuids', '700000-765535', '--add-subgids', '700000-765535', NAME])
      }
    })
    await runOk('chown', [NAME, home])
    await makeReadable()
  })
  afterAll(async () => {
    if (asRoot) await inTurn('users', () => run('userdel', [NAME]))
  })

  // A checkout or a Node under /root is closed to others: then the user gets copies, as an installation would
  async function makeReadable(): Promise<void> {
    if ((await asUser(paths.node, ['--version'])).code !== 0) {
      paths.node = join(home, 'node')
      cpSync(process.execPath, paths.node)
    }
    if ((await asUser('test', ['-r', join(root, 'dist/xbuild.cjs')])).code === 0) return
    paths.checkout = join(home, 'checkout')
    for (const part of ['dist', 'qemu', 'examples', 'package.json', 'node_modules']) {
      cpSync(join(root, part), join(paths.checkout, part), { recursive: true, verbatimSymlinks: true })
    }
  }

  async function asUser(
    file: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const own = {
      HOME: home,
      XDG_DATA_HOME: join(home, '.local/share'),
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_RUNTIME_DIR: '',
      TMPDIR: '',
      ...env,
    }
    if (!asRoot) return run(file, args, { cwd: home, env: own })
    const asUser = ['setpriv', '--reuid', NAME, '--regid', NAME, '--init-groups', '--inh-caps=-all', '--']
    const script = [OPEN_TUN, ...covers, 'exec "$@"'].join('\n')
    return run('unshare', ['--mount', '--', 'sh', '-c', script, tun, ...asUser, file, ...args], {
      cwd: home,
      env: own,
    })
  }

  return {
    home,
    checkout: () => paths.checkout,
    run: asUser,
    node: (args) => asUser(paths.node, args),
    xbuild: (args, env) => asUser(paths.node, [join(paths.checkout, 'dist/xbuild.cjs'), ...args], env),
    cover(path, file) {
      // Who sees a part of /proc covered may mount another one only where there is a whole one, too
      covers.push(`mkdir -p '${whole}' && mount -t proc proc '${whole}'`, `mount --bind '${file}' '${path}'`)
    },
    async give(folder, name) {
      const copy = join(home, name)
      // Node's own copy loses names that are not UTF-8
      await runOk('cp', ['-rPT', '--preserve=mode', folder, copy])
      if (asRoot) await runOk('chown', ['-R', NAME, copy])
      return copy
    },
  }
}
