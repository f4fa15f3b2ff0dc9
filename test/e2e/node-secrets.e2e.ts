import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDockerd, type Dockerd } from '../support/daemons.ts'
import { baseLayer } from './support/base-layer.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const SECRET = ['first-hidden-line', 'second-hidden-line']
const RUN = 'RUN --mount=type=secret,id=word'

const folder = tempFolder()
const store = join(folder, 'store')
let docker: Dockerd
beforeAll(async () => {
  docker = await startDockerd()
})
afterAll(() => docker?.stop())

let cases = 0
/** Builds on a Docker engine with a secret of two lines. */
async function build(dockerfile: string, args: readonly string[]) {
  const context = writeFiles(join(folder, `context-${++cases}`), {
    Dockerfile: `FROM scratch\nADD base.tar.gz /\nARG N=${cases}\n${dockerfile}`,
  })
  copyFileSync(await baseLayer(), join(context, 'base.tar.gz'))
  const secret = join(folder, `secret-${cases}`)
  writeFileSync(secret, `${SECRET.join('\n')}\n`)
  return xbuild(
    ['--builder', docker.endpoint, '--network', 'host', '--secret', `id=word,src=${secret}`, ...args, context],
    { store, env: { HOME: folder, DOCKER_CONFIG: join(folder, 'docker') } },
  )
}

describe('a secret that a step on a node prints', () => {
  test.each(['plain', 'rawjson'])('is masked in the log, in pieces, too: %s', async (progress) => {
    const pieces =
      'printf %s "$(head -n 1 /run/secrets/word | cut -c 1-9)"; sleep 0.4; head -n 1 /run/secrets/word | cut -c 10-'
    const { code, stderr } = await build(`${RUN} echo N$N; cat /run/secrets/word; ${pieces}; echo end\n`, [
      '--progress',
      progress,
    ])
    expect(code, stderr).toBe(0)
    for (const line of SECRET) expect(stderr).not.toContain(line)
    expect(stderr.match(/\*\*\*/g)).toHaveLength(3)
  })

  test('is masked in the last output of an error', async () => {
    const { code, stderr } = await build(`${RUN} cat /run/secrets/word; exit 7\n`, ['--progress', 'quiet'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/last output:\n.*\*\*\*\n.*\*\*\*/)
    for (const line of SECRET) expect(stderr).not.toContain(line)
  })

  test('is masked in the provenance, when an argument says it, too', async () => {
    const file = join(folder, 'metadata.json')
    const { code, stderr } = await build(`${RUN} cat /run/secrets/word >/dev/null\n`, [
      ...['--build-arg', `SAID=${SECRET[0]}`, '--provenance', 'mode=max', '--metadata-file', file],
    ])
    expect(code, stderr).toBe(0)
    expect(readFileSync(file, 'utf8')).toContain('***')
    for (const line of SECRET) expect(readFileSync(file, 'utf8')).not.toContain(line)
  })
})
