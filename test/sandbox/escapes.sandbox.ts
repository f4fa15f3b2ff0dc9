import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Content } from '../e2e/support/context.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { makeCanary, stateOf } from './support/canary.ts'
import { createSandbox, MODES } from './support/modes.ts'
import { AFTER_STEPS, type Harmless, OF_FILES } from './support/harmless.ts'
import { REPLACED } from './support/mount-targets.ts'
import { READ } from './support/read-after.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/** What a step wants to reach: it must be as it was. */
const outsideOf = (mode: string, name: string) => join(folder, 'outside', mode, name)

/** No step asks it anything. */
const agent = join(folder, 'agent')
const server = createServer()
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(agent, resolve))
  chmodSync(agent, 0o666)
})
afterAll(() => void server.close())

const STEPS = [...AFTER_STEPS, ...REPLACED, ...READ]
const rowsOf = (mode: string): readonly Harmless[] => (mode === 'native' ? [...STEPS, ...OF_FILES] : STEPS)

// All in one build per mode: what is harmless inside must build, and look as BuildKit would leave it
describe.each(MODES)('a %s step that makes paths lead out', (mode) => {
  const rows = rowsOf(mode)
  const before = new Map<string, string[]>()
  const idOf = (index: number) => `e${index}`
  let stderr = ''

  beforeAll(async () => {
    mkdirSync(outsideOf(mode, ''), { recursive: true })
    const uid = mode === 'rootless' ? statSync(join(folder, 'home')).uid : process.getuid!()
    for (const [index] of rows.entries()) {
      const outside = outsideOf(mode, idOf(index))
      await makeCanary(outside, uid)
      before.set(idOf(index), stateOf(outside))
    }
    const stages = rows.map(({ lines, base = 'FROM busybox AS %' }, index) =>
      [base, ...lines, 'RUN echo > /through']
        .join('\n')
        // Stores are shared between modes, and so are their cache mounts
        .replaceAll('type=cache,id=', `type=cache,id=${mode}-`)
        .replace(/%(?![aug])/g, idOf(index))
        .replaceAll('@', outsideOf(mode, idOf(index))),
    )
    const own = rows.flatMap(({ files }, index) =>
      Object.entries(files?.(outsideOf(mode, idOf(index))) ?? {}).map(([path, content]) => [
        `${idOf(index)}/${path}`,
        content,
      ]),
    )
    const all = rows.map((_, index) => `COPY --from=${idOf(index)} /through /${idOf(index)}`)
    writeFileSync(join(folder, 'secret'), 'word')
    const files = {
      ...(Object.fromEntries(own) as Record<string, Content>),
      Dockerfile: [...stages, 'FROM busybox', ...all, ''].join('\n'),
      x: 'new\n',
      's/f': 'new\n',
      's/d/f': 'new\n',
      's/d/d/f': 'new\n',
    }
    const given = ['--secret', `id=s,src=${join(folder, 'secret')}`, '--ssh', `default=${agent}`]
    const ended = await sandbox.build(mode, files, given)
    stderr = ended.stderr
    expect(ended.code, stderr).toBe(0)
  })

  test.each(rows.map((row, index) => ({ ...row, index })))('$name', ({ index }) => {
    expect(stateOf(outsideOf(mode, idOf(index)))).toEqual(before.get(idOf(index)))
  })
})
