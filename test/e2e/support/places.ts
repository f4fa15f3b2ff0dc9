import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** The checkout. */
export const root = join(import.meta.dirname, '../../..')

/** The program under test, as users get it. */
export const program = join(root, 'dist/xbuild.cjs')

/** A folder of the calling test file, removed when its tests are over. Not for a test's body: its hooks do not run. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-e2e-'))
  afterAll(() => remove(folder))
  return folder
}

// An ordinary user's store holds files of all ids he owns: only the root of his user namespace may remove them. Steps
// make trees that are deeper than the paths that Node can remove
function remove(folder: string): void {
  if (process.getuid?.() === 0) execFileSync('rm', ['-rf', folder])
  else execFileSync('unshare', ['--user', '--map-auto', '--map-root-user', 'rm', '-rf', folder])
}
