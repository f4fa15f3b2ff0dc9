import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** The checkout. */
export const root = join(import.meta.dirname, '../../..')

/** The program under test, as users get it. */
export const program = join(root, 'dist/xbuild.cjs')

/** A folder of the calling test file, removed when its tests are over. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-e2e-'))
  afterAll(() => remove(folder))
  return folder
}

// An ordinary user's store holds files of all ids he owns: only the root of his user namespace may remove them
function remove(folder: string): void {
  if (process.getuid?.() === 0) rmSync(folder, { recursive: true, force: true })
  else execFileSync('unshare', ['--user', '--map-auto', '--map-root-user', 'rm', '-rf', folder])
}
