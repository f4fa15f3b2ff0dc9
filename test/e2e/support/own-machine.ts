import { run, type Ended } from './xbuild.ts'

/**
 * Empty folders over what is the whole machine's, and a binfmt_misc that nobody else sees: what runs inside changes
 * nothing outside.
 */
const ENTER = `set -e
mount -t tmpfs tmpfs /proc/sys/fs/binfmt_misc
mount -t tmpfs tmpfs /etc/binfmt.d
exec /bin/sh -c "$0" sh "$@"`

/** Runs a shell script as root of a machine of its own, as far as handlers go; `$@` in it is `args`. */
export async function onOwnMachine(script: string, args: readonly string[]): Promise<Ended> {
  return run('unshare', [
    '--user',
    '--map-root-user',
    '--mount',
    '--propagation',
    'private',
    '/bin/sh',
    '-c',
    ENTER,
    script,
    ...args,
  ])
}
