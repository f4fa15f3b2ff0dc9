import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolders } from '../../src/host/files.ts'

test('many may make the same folders at once', async () => {
  const root = mkdtempSync(join(tmpdir(), 'xbuild-folders-'))
  try {
    for (let round = 0; round < 100; round++) {
      const folder = join(root, String(round), 'a')
      await Promise.all(['b', 'b', 'c', 'c', 'd'].map((name) => makeFolders(join(folder, name), 0o700)))
      expect(statSync(join(folder, 'd')).mode & 0o777).toBe(0o700)
    }
    symlinkSync('nowhere', join(root, 'link'))
    await expect(makeFolders(join(root, 'link/x'))).rejects.toMatchObject({ code: 'ENOENT' })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
