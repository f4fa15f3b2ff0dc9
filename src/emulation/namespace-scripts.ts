/*
 * What runs between xbuild and a program in its namespaces. The scripts are fixed; every value reaches them as an
 * argument.
 * File descriptors: 4 is the control socket (scripts report there what they do and what went wrong), 5 keeps the real
 * stderr meanwhile.
 */

/**
 * Makes the user namespace, then goes on with script $2. All users of the namespace together have as many processes at
 * most as the kernel finds as the soft limit of who makes it: $1, when it is not empty. Shells call the limit p or u.
 */
export const ENTER = `exec 5>&2 2>&4
if [ -n "$1" ]; then ulimit -S -p "$1" 2>/dev/null || ulimit -S -u "$1" 2>/dev/null || true; fi
wait=$2; shift 2
exec unshare --user -- /bin/sh -c "$wait" sh "$@"`

/*
 * setpriv ties the outer unshare to the life of xbuild, --kill-child ties the init of the pid namespace to the outer
 * unshare; both only
 * hold when no exec in between gains capabilities, so nothing is started before the id maps are written.
 */
const ISOLATE = `setup=$1; shift
exec setpriv --pdeathsig KILL -- \\
  unshare --mount --propagation private --pid --fork --kill-child --mount-proc -- /bin/sh -c "$setup" sh "$@"`

/**
 * Waits until the parent has written the id maps, then makes the mount and pid namespaces and goes on with script $1.
 */
export const WAIT: string = `echo ready >&4
read -r go <&4 || exit 1
${ISOLATE}`

/** The same without a user namespace. */
export const ENTER_AS_ROOT: string = `exec 5>&2 2>&4
${ISOLATE}`

/**
 * Registers $1 handlers, given as the next arguments, in a binfmt_misc of their own, then becomes the program given
 * after them.
 */
export const SETUP = `set -e
count=$1; shift
if [ "$count" -gt 0 ]; then mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; fi
while [ "$count" -gt 0 ]; do
  printf %s "$1" >/proc/sys/fs/binfmt_misc/register
  shift
  count=$((count - 1))
done
echo done >&4
exec "$@" 2>&5 4>&- 5>&-`
