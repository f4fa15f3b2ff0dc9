import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/** What neither Docker, nor BuildKit, nor Podman allows a container, by the numbers of x64 and arm64. */
const REFUSED: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
  acct: [163, 89],
  add_key: [248, 217],
  bpf: [321, 280],
  finit_module: [313, 273],
  fsmount: [432, 432],
  fsopen: [430, 430],
  init_module: [175, 105],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_uring_setup: [425, 425],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  mount: [165, 40],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  perf_event_open: [298, 241],
  pivot_root: [155, 41],
  quotactl: [179, 60],
  reboot: [169, 142],
  request_key: [249, 218],
  setns: [308, 268],
  swapon: [167, 224],
  umount2: [166, 39],
  unshare: [272, 97],
  userfaultfd: [323, 282],
}
const column = process.arch === 'arm64' ? 1 : 0
const numbers = Object.entries(REFUSED).map(([name, both]) => `${name} ${both[column]}`)
const [EPERM, ENOSYS] = [1, 38]

/** `getppid` shows that calls that are allowed are made. */
const TRY = `my $calls = <<'END';
getppid ${column === 1 ? 173 : 110}
${numbers.join('\n')}
END
for (split /\\n/, $calls) {
  my ($name, $number) = split;
  $! = 0;
  my $got = syscall($number + 0, 0, 0, 0, 0, 0);
  print "call: $name ", $got < 0 ? $! + 0 : "allowed", "\\n";
}
`

/** The machine's own Perl, with the libraries that it needs, in a folder of the context. */
function perl(): string {
  const target = join(folder, 'perl')
  const program = execFileSync('sh', ['-c', 'readlink -f "$(command -v perl)"'], { encoding: 'utf8' }).trim()
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)
  for (const path of [program, ...Array.from(libraries, ([, library]) => library!)]) {
    mkdirSync(join(target, dirname(path)), { recursive: true })
    cpSync(path, join(target, path), { dereference: true })
  }
  return program
}

test.each(['native', 'rootless'] as const)(
  'a %s step makes no system call that containers are refused',
  async (mode) => {
    const program = perl()
    const Dockerfile = `FROM busybox\nCOPY try.pl /\nRUN --mount=from=perl,target=/perl chroot /perl ${program} - </try.pl\n`
    const context = mode === 'native' ? join(folder, 'perl') : await sandbox.give(join(folder, 'perl'), 'perl')
    const files = { Dockerfile, 'try.pl': TRY }
    const { code, stderr } = await sandbox.build(mode, files, ['--build-context', `perl=${context}`])
    expect(code, stderr).toBe(0)
    const results = Object.fromEntries([...stderr.matchAll(/call: (\w+) (\w+)$/gm)].map(([, name, got]) => [name, got]))
    expect(results['getppid']).toBe('allowed')
    expect(Object.keys(results)).toHaveLength(numbers.length + 1)
    const allowed = Object.entries(results).filter(([, got]) => ![EPERM, ENOSYS].map(String).includes(String(got)))
    expect(allowed).toEqual([['getppid', 'allowed']])
  },
)
