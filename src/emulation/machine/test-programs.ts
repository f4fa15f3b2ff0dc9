import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../../host/spawn.ts'
import type { Architecture } from '../architectures.ts'
import { PROBE_STATUS, probeProgram } from '../probe-program.ts'

/**
 * Where a tiny program of an architecture ran: as it is, and in a root folder that holds nothing else, as in an
 * image.
 */
export interface ProgramTest {
  readonly here: boolean
  /** Undefined when such a root folder could not be entered. */
  readonly inImages: boolean | undefined
}

/** Seconds for each program. */
const LIMIT = 10

const EACH = `root=$1; how=$2; limit=$3; shift 3
for program do
  timeout "$limit" "$root/$program" >/dev/null 2>&1
  here=$?
  case $how in
    chroot) timeout "$limit" chroot "$root" "/$program" ;;
    *) timeout "$limit" unshare --user --map-root-user --root="$root" "/$program" ;;
  esac >/dev/null 2>&1
  echo "$here $?"
done`

/** Runs the probe program of each architecture by whatever this machine has for it. In the order of `architectures`. */
export async function testPrograms(
  architectures: readonly Architecture[],
  { signal }: { readonly signal: AbortSignal },
): Promise<ProgramTest[]> {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-try-'))
  try {
    await chmod(folder, 0o755)
    await Promise.all(
      architectures.map(async (architecture) => {
        const path = join(folder, architecture.name)
        await writeFile(path, probeProgram(architecture))
        await chmod(path, 0o755)
      }),
    )
    const how = process.geteuid?.() === 0 ? 'chroot' : 'unshare'
    const out = await runProgram(
      '/bin/sh',
      ['-c', EACH, 'sh', folder, how, String(LIMIT), ...architectures.map(({ name }) => name)],
      { signal },
    )
    return out
      .trimEnd()
      .split('\n')
      .slice(0, architectures.length)
      .map((line) => {
        const [here, inside] = line.split(' ').map(Number)
        // unshare ends with 1 when it may not, 126 and 127 tell of the program
        return { here: here === PROBE_STATUS, inImages: inside === 1 ? undefined : inside === PROBE_STATUS }
      })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
