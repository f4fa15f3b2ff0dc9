import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { PackManifest } from '../../src/emulation/packs/pack.ts'
import { showPacks } from '../../src/engine/shown-packs.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('a step sees the packs that it was told of, and no other that the store has', async () => {
  const { folder } = await openStore(join(tempFolder(), 'store'))
  const [told, other] = ['a', 'b'].map((digit) => {
    const digest = digit.repeat(64)
    const files = ['usr/bin/as', 'usr/lib/x/lib.so'].map((path) => ({ path, size: 1, sha256: '' }))
    for (const { path } of files) {
      const file = join(folder.root, 'packs', digest, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, digit, { mode: 0o755 })
    }
    return { digest, folder: join(folder.root, 'packs', digest), manifest: { files } as unknown as PackManifest }
  })
  const old = process.umask(0o077)
  try {
    const shown = showPacks(folder)
    expect(readdirSync(shown.folder)).toEqual([])
    await Promise.all([shown.add(told!), shown.add(told!)])
    expect(readdirSync(shown.folder)).toEqual([told!.digest])
    const file = join(shown.folder, told!.digest, 'usr/lib/x/lib.so')
    expect(readFileSync(file, 'utf8')).toBe('a')
    // No byte of it is there twice
    expect(statSync(file).ino).toBe(statSync(join(told!.folder, 'usr/lib/x/lib.so')).ino)
    for (const path of ['.', told!.digest, `${told!.digest}/usr/lib`])
      expect(statSync(join(shown.folder, path)).mode & 0o777).toBe(0o755)
    shown.close()
    expect(readdirSync(folder.tmp)).toEqual([])
    expect(readdirSync(other!.folder)).toEqual(['usr'])
  } finally {
    process.umask(old)
  }
})
