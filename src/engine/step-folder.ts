import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ownMark, readMark, stateOf } from '../host/process-mark.ts'
import type { StoreFolder } from '../store/folder.ts'

/** Room for a socket's path, which the kernel limits to 107 bytes. */
const SOCKET_PATH = 100

/** A program of the step said it: no more of it is shown than a line of readable letters. */
export function cleanReason(reason: string): string {
  return Buffer.from(reason, 'latin1')
    .toString('utf8')
    .replace(/[^\x20-\x7e\u00a1-\uffff]/g, '?')
    .slice(0, 200)
}

/**
 * Makes what the container sees of a step: names that may be asked about, a folder for answers. Any user of the
 * container may use it; of this machine only its owner gets through the folder above.
 */
export function makeStepFolder({ tmp }: Pick<StoreFolder, 'tmp'>, names: readonly string[]): string {
  const prefix = `${ownMark()}-accel-`
  const fits = tmp.length + prefix.length + 17 < SOCKET_PATH
  if (!fits) removeGone(tmpdir())
  const outer = mkdtempSync(join(fits ? tmp : tmpdir(), prefix)) // its mode is 0700
  const folder = join(outer, 'step')
  for (const path of ['', 'names', 'rules']) mkdirSync(join(folder, path))
  for (const name of names) writeFileSync(join(folder, 'names', name), '')
  for (const path of ['', 'names', 'rules']) chmodSync(join(folder, path), 0o755) // whatever the umask is: steps may run as any user
  return folder
}

/** Removes what killed builds of this user left outside of their stores, where nobody else looks for it. */
function removeGone(folder: string): void {
  for (const name of readdirSync(folder)) {
    const mark = /-accel-\w{6}$/.test(name) ? readMark(name) : undefined
    if (!mark || stateOf(mark) !== 'gone') continue
    const path = join(folder, name)
    try {
      if (lstatSync(path).uid === process.geteuid?.()) rmSync(path, { recursive: true, force: true })
    } catch {
      // somebody else was faster
    }
  }
}

/** Makes the file in which the handlers of a step tell what they start, beside its folder: the one thing they write. */
export function makeStartsFile(step: string): string {
  const path = join(dirname(step), 'starts')
  writeFileSync(path, '')
  chmodSync(path, 0o666) // whatever the umask is: steps may run as any user
  return path
}
