import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
let bases: string[]
beforeAll(async () => {
  bases = await withBases('gcc')
})

/**
 * Makes calls that nothing but a filter keeps root in a container from, or that must work, and says what came of
 * each.
 */
const PROGRAM = String.raw`
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, long result) {
  int error = errno;
  printf("%s: %s\n", name, result >= 0 ? "ok" : error == EPERM ? "EPERM" : error == ENOSYS ? "ENOSYS" : strerror(error));
  fflush(stdout);
}

static long forked(unsigned long flags) {
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(pid, 0, 0);
  return pid;
}

int main(void) {
  say("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
  say("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
  say("unshare", syscall(SYS_unshare, CLONE_NEWNS));
  say("unshare user", syscall(SYS_unshare, CLONE_NEWUSER));
  say("bpf", syscall(SYS_bpf, 0, 0, 0));
  say("io_uring", syscall(SYS_io_uring_setup, 1, 0));
  say("clone", forked(0));
  say("clone mounts", forked(CLONE_NEWNS));
  say("clone users", forked(CLONE_NEWUSER));
  say("clone3", syscall(SYS_clone3, 0, 0));
  say("call of tomorrow", syscall(4000));
  say("socket unix", socket(AF_UNIX, SOCK_STREAM, 0));
  say("socket vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
  say("personality", personality(0xffffffff));
  say("personality 32 bit", personality(PER_LINUX32));
  say("personality fixed addresses", personality(ADDR_NO_RANDOMIZE));
  say("chroot", chroot("/"));
  say("getuid", syscall(SYS_getuid));
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(24L) : "memory");
  say("getuid of i386", result);
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(310L), "b"(0x20000L) : "memory");
  errno = -result;
  say("unshare of i386", result);
#endif
  return 0;
}
`

const ANSWERS = [
  'keyctl: EPERM',
  'mount: EPERM',
  'unshare: EPERM',
  'unshare user: EPERM',
  'bpf: EPERM',
  'io_uring: EPERM',
  'clone: ok',
  'clone mounts: EPERM',
  'clone users: EPERM',
  'clone3: ENOSYS',
  'call of tomorrow: ENOSYS',
  'socket unix: ok',
  'socket vsock: EPERM',
  'personality: ok',
  'personality 32 bit: ok',
  'personality fixed addresses: EPERM',
  'chroot: ok',
  'getuid: ok',
  ...(process.arch === 'x64' ? ['getuid of i386: ok', 'unshare of i386: EPERM'] : []),
]

test('a step may call what its programs need, and nothing that leads out; what is not known is not there', async () => {
  const context = writeFiles(join(folder, 'calls'), {
    'calls.c': PROGRAM,
    Dockerfile:
      'FROM gcc\nCOPY calls.c /\nRUN gcc -o /calls /calls.c && /calls > /said\nRUN cat /said && grep -E "^(Seccomp|NoNewPrivs)" /proc/self/status\n',
  })
  const { code, stderr } = await xbuild(['--progress', 'plain', ...bases, context], { store })
  expect(code, stderr).toBe(0)
  const said = stderr.split('\n').flatMap((line) => /^#\d+ (?:\d+\.\d+ )?(.*)$/.exec(line)?.[1] ?? [])
  expect(said.filter((line) => ANSWERS.some((answer) => line.split(':')[0] === answer.split(':')[0]))).toEqual(ANSWERS)
  expect(stderr).toMatch(/Seccomp:\s+2/)
})
