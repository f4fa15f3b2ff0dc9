import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { freePort } from '../support/free-port.ts'
import { runHere } from '../support/run-in-process.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** What a build that would push to `host`, and cannot be done itself, writes to stderr. */
async function pushTo(host: string): Promise<string> {
  const folder = tempFolder()
  // Its context has no such file: it ends before anything runs, and after the registry was asked
  const context = writeFiles(folder, { Dockerfile: 'FROM scratch\nCOPY missing /\n' })
  const { code, stderr } = await runHere(
    ['--progress=plain', '--push', '-t', `${host}/a/app:1`, '--store', `${folder}/store`, '.'],
    { cwd: context },
  )
  expect(code).not.toBe(0)
  return stderr
}

test('a registry that cannot be reached is a warning before the build', async () => {
  const host = `127.0.0.1:${await freePort()}`
  const told = await pushTo(host)
  const warning = `Cannot push to "${host}/a/app": ${host} cannot be reached: connection refused. The build goes on`
  expect(told).toContain(warning)
  expect(told.indexOf(warning)).toBeLessThan(told.indexOf('missing'))
})

test('a web server that is no registry is a warning before the build', async () => {
  const server = createServer((_, response) => void response.writeHead(501).end('<html>Unsupported method</html>'))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  try {
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await pushTo(host)).toContain(`Cannot push to "${host}/a/app": ${host} answered 501. The build goes on`)
  } finally {
    server.close()
  }
})
