import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTree, summary } from '../support/read-tree.ts'
import { withBases, writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const user = ordinaryUser(folder)

/** Steps that need no mount themselves: a layer each, quickly made. */
const copies = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `COPY --link f /d/${from + index}`)
const contextOf = (name: string, lines: readonly string[]) =>
  writeFiles(join(folder, name), { Dockerfile: `${lines.join('\n')}\n`, f: 'f' })

test('more layers than the kernel mounts on each other: 500', async () => {
  const context = contextOf('many', [
    'FROM busybox',
    'RUN mkdir /gone && touch /gone/a /there && ln /there /twice',
    ...copies(0, 200),
    'RUN rm -r /d/7 /gone && test "$(ls /d | wc -l)" = 199',
    ...copies(200, 520),
    'RUN test "$(ls /d | wc -l)" = 519 && test ! -e /gone && test ! -e /d/7 && test "$(stat -c %h /there)" = 2 && echo changed > /d/8',
    'RUN test "$(cat /d/8)" = changed',
    'FROM scratch',
    'COPY --from=0 /d/8 /d/9 /',
  ])
  const [store, out] = [join(folder, 'store'), join(folder, 'out.tar')]
  const { code, stderr } = await xbuild(
    ['--progress', 'plain', ...(await withBases('busybox')), '-o', `type=tar,dest=${out}`, context],
    { store },
  )
  expect(code, stderr).toBe(0)
  expect(await leftovers(store)).toEqual(CLEAN)
  const tree = readTree(out)
  expect(['8', '9'].map((path) => summary(tree.get(path)))).toEqual(['file 644 0:0 "changed\\n"', 'file 644 0:0 "f"'])
})

test('a base image of more layers than Docker mounts on each other: 127', async () => {
  const layout = join(folder, 'layout')
  const base = await xbuild(
    [
      '--progress',
      'plain',
      ...(await withBases('busybox')),
      '-o',
      `type=oci,dest=${layout}`,
      contextOf('base', ['FROM busybox', ...copies(0, 130)]),
    ],
    { store: join(folder, 'store') },
  )
  expect(base.code, base.stderr).toBe(0)
  const context = contextOf('upon', [
    'FROM base',
    'RUN test "$(ls /d | wc -l)" = 130 && rm /d/7',
    'RUN test "$(ls /d | wc -l)" = 129',
  ])
  const { code, stderr } = await xbuild(
    ['--progress', 'plain', '--build-context', `base=oci-layout://${layout}`, context],
    { store: join(folder, 'other') },
  )
  expect(code, stderr).toBe(0)
})

test('200 steps of an ordinary user', async () => {
  const runs = Array.from({ length: 20 }, (_, index) => `RUN test -e /d/${index} && echo ${index} >> /said`)
  const context = await user.give(contextOf('steps', ['FROM busybox', ...copies(0, 180), ...runs]), 'steps')
  const base = await user.give(await baseLayout('busybox'), 'base')
  const { code, stderr } = await user.xbuild([
    '--progress',
    'plain',
    '--build-context',
    `busybox=oci-layout://${base}`,
    context,
  ])
  expect(code, stderr).toBe(0)
})
