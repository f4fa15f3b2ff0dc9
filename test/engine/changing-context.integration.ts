import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CopyParams } from '../../src/engine/protocol.ts'
import { selectSources } from '../../src/content/select.ts'
import { createCopyTarget } from '../../src/engine/worker/copy-target.ts'
import { item, tar } from '../support/tar.ts'
import { tempFolder } from '../support/temp-folder.ts'

test.each([
  ['a link to an archive of the machine', (path: string, outside: string) => symlinkSync(join(outside, 'a.tar'), path)],
  ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
  ['another archive', (path: string) => writeFileSync(path, tar([item({ path: 'other', data: 'new' })]))],
])('ADD of an archive that became %s since it was looked at is refused', async (_, replace) => {
  const folder = tempFolder()
  const [context, outside, root] = ['context', 'outside', 'root'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [context, outside, root]) mkdirSync(path)
  writeFileSync(join(context, 'a.tar'), tar([item({ path: 'own', data: 'x' })]))
  writeFileSync(join(outside, 'a.tar'), tar([item({ path: 'secret', data: 'SECRET' })]))
  const [selected] = selectSources(context, ['a.tar'])
  rmSync(join(context, 'a.tar'))
  replace(join(context, 'a.tar'), outside)

  const source = { kind: 'context', root: context, selected: [selected!], unpack: true } as const
  const params: CopyParams = { id: 'x', lowers: [], source, inline: [], dest: '/', unpack: true }
  const add = createCopyTarget(root, params, new AbortController().signal).from(source)
  await expect(add(context, selected!)).rejects.toMatchObject({
    code: 'CONTEXT_CHANGED',
    message: `Cannot copy "${join(context, 'a.tar')}": the file changed while it was read`,
  })
  expect(readdirSync(root)).toEqual([])
})
