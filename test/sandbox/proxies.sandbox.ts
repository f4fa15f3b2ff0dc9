import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { baseLayout } from '../e2e/support/examples.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { xbuild } from '../e2e/support/xbuild.ts'

const folder = tempFolder()

async function build(settings: string, args: readonly string[] = []) {
  const own = writeFiles(join(folder, 'docker'), { 'config.json': settings })
  const context = writeFiles(join(folder, 'context'), {
    Dockerfile: 'FROM busybox\nRUN env | grep -i proxy | sort; exit 0\n',
  })
  const flags = ['--build-context', `busybox=oci-layout://${await baseLayout('busybox')}`, '--progress', 'plain']
  return xbuild([...flags, '--no-cache', ...args, context], {
    store: join(folder, 'store'),
    env: { DOCKER_CONFIG: own, HTTP_PROXY: 'http://of-the-shell', DOCKER_HOST: '' },
  })
}

test('steps get the proxies of the Docker settings; nothing that is published names them', async () => {
  const settings = JSON.stringify({ proxies: { default: { httpProxy: 'http://user:word@proxy:3128' } } })
  const file = join(folder, 'image.tar')
  const given = await build(settings, ['--provenance', 'mode=max', '-o', `type=oci,dest=${file}`])
  expect(given.code, given.stderr).toBe(0)
  expect(given.stderr).toMatch(/HTTP_PROXY=http:\/\/.*proxy:3128/)
  expect(given.stderr).toMatch(/http_proxy=http:\/\/.*proxy:3128/)
  expect(given.stderr).not.toContain('of-the-shell')
  expect(readFileSync(file).includes('proxy:3128')).toBe(false)

  const mine = await build(settings, ['--build-arg', 'http_proxy=http://mine'])
  expect(mine.code, mine.stderr).toBe(0)
  expect(mine.stderr).toContain('HTTP_PROXY=http://mine')
  expect(mine.stderr).not.toContain('proxy:3128')
})

test('settings that cannot be read are told; the build goes on', async () => {
  const { code, stderr } = await build('{"proxies":')
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/Steps get no proxies of Docker's settings: .*config\.json/)
})
