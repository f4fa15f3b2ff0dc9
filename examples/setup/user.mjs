import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { release, userInfo } from 'node:os'
import { run, Stop } from './process.mjs'

/**
 * For an ordinary user: stops, with the command that helps, when this machine does not let one build. Root needs
 * nothing of it.
 */
export async function checkUser() {
  const { uid, username } = userInfo()
  if (uid === 0) return
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    if (hasRange(file, username, uid)) continue
    throw new Stop(
      `${file} gives "${username}" no range of ids, so files of other users cannot be built. ` +
        `Give a range to this user: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`,
    )
  }
  if ((await run('unshare', ['--user', '--map-root-user', '--mount', 'true'])).code !== 0) {
    throw new Stop(`This machine does not let an ordinary user make namespaces. ${namespaceHint()}`)
  }
  if (!kernelAtLeast(6, 7) && !hasHandlers()) {
    throw new Stop(
      `Linux ${release()} has one binfmt_misc for all, and no QEMU handler is registered in it. Linux 6.7 and newer let an ordinary user ` +
        'have an own one; on this kernel, register the handlers: sudo apt-get install binfmt-support qemu-user-static',
    )
  }
}

function hasRange(file, name, uid) {
  return (
    existsSync(file) &&
    readFileSync(file, 'utf8')
      .split('\n')
      .some((line) => [name, String(uid)].includes(line.split(':')[0]))
  )
}

function namespaceHint() {
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return 'Ubuntu restricts them by AppArmor; to allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
  }
  if (setting('kernel/unprivileged_userns_clone') === '0')
    return 'To allow it: sudo sysctl -w kernel.unprivileged_userns_clone=1'
  if (setting('user/max_user_namespaces') === '0') return 'To allow it: sudo sysctl -w user.max_user_namespaces=15000'
  return 'Inside a container, allow it there, or run this as root'
}

function setting(name) {
  const path = `/proc/sys/${name}`
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

function kernelAtLeast(major, minor) {
  const [a, b] = release().split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

function hasHandlers() {
  const folder = '/proc/sys/fs/binfmt_misc'
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('qemu-'))
}
