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
/** Builds on a Docker engine, or on this machine, with a secret of two lines. */
async function build(dockerfile: string, args: readonly string[], where = docker.endpoint) {
  const context = writeFiles(join(folder, `context-${++cases}`), {
    Dockerfile: `FROM scratch\nADD base.tar.gz /\nARG N=${cases}\n${dockerfile}`,
  })
  copyFileSync(await baseLayer(), join(context, 'base.tar.gz'))
  const secret = join(folder, `secret-${cases}`)
  writeFileSync(secret, `${SECRET.join('\n')}\n`)
  return xbuild(['--builder', where, '--network', 'host', '--secret', `id=word,src=${secret}`, ...args, context], {
    store,
    env: { HOME: folder, DOCKER_CONFIG: join(folder, 'docker'), BUILDX_METADATA_PROVENANCE: 'max' },
  })
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

  describe.each(['node', 'local'])('on %s', (where) => {
    const at = () => (where === 'local' ? 'local' : docker.endpoint)

    test('is masked when programs encode it, and where a long line is cut', async () => {
      const encode = 'base64 /run/secrets/word; printf "u:%s" "$(head -n 1 /run/secrets/word)" | base64'
      const long = 'head -c 16376 /dev/zero | tr "\\0" .; head -n 1 /run/secrets/word; echo end'
      const { code, stderr } = await build(`${RUN} ${encode}; ${long}\n`, ['--progress', 'rawjson'], at())
      expect(code, stderr).toBe(0)
      const logs = stderr.split('\n').flatMap((line) => {
        const event = (line.startsWith('{') ? JSON.parse(line) : {}) as { type?: string; line?: string }
        return event.type === 'step.log' ? [event.line!] : []
      })
      expect(logs.some((line) => line.startsWith('....'))).toBe(true)
      expect(logs.join('')).toMatch(/\.\*\*\*end$/)
      for (const piece of [
        'first-hi',
        'hidden-line',
        btoa(SECRET[0]!).slice(0, 12),
        btoa(`u:${SECRET[0]}`).slice(4, 16),
      ])
        expect(stderr).not.toContain(piece)
    })

    test('is masked in the provenance, when an argument or the Dockerfile says it, also when nothing has to run', async () => {
      const file = join(folder, `metadata-${where}.json`)
      const text = `# ${SECRET[1]}\n${RUN} cat /run/secrets/word >/dev/null; : ${SECRET[1]}\n`
      const args = ['--build-arg', `SAID=${SECRET[0]}`, '--provenance', 'mode=max', '--metadata-file', file]
      for (const round of ['first', 'again']) {
        cases = round === 'again' ? cases - 1 : cases
        const { code, stderr } = await build(text, args, at())
        expect(code, stderr).toBe(0)
        const told = readFileSync(file, 'utf8')
        const decoded = [...told.matchAll(/"data": ?"([^"]+)"/g)].map(([, data]) => atob(data!))
        expect(decoded.join('')).toContain('FROM scratch')
        expect(told).toContain('***')
        for (const line of SECRET) expect([told, stderr, ...decoded].join('\n'), round).not.toContain(line)
      }
    })
  })
})
