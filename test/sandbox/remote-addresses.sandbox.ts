import { expect, test } from 'vitest'
import { startFileServer } from '../support/file-server.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())

/** What a Dockerfile makes the engine itself ask. */
const ASKING = [
  'FROM scratch\nADD http://169.254.169.254/latest/meta-data/ /',
  'FROM scratch\nADD http://2852039166/latest /',
  'FROM scratch\nADD http://[::ffff:169.254.169.254]/latest /',
  'FROM scratch\nADD http://[fd00:ec2::254]/latest /',
  'FROM scratch\nADD http://169.254.169.254/repository.git /',
  'FROM scratch\nADD ssh://git@2852039166/repository.git /',
  'FROM 169.254.169.254/latest/meta-data',
]

test.each(ASKING)('the engine asks no metadata service: %j', async (Dockerfile) => {
  const { code, stderr } = await sandbox.build('native', { Dockerfile })
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/Cannot connect to ".*": it is (\S+, )?a link-local or metadata address/)
  expect(stderr).toContain('--allow network.host')
})

test('with --network private it asks no service of this machine either', async () => {
  const server = await startFileServer()
  server.files.set('/f', { body: 'inside' })
  try {
    const files = { Dockerfile: `FROM scratch\nADD ${server.url}/f /\n` }
    const refused = await sandbox.build('native', files, ['--network', 'private'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('an address of this machine itself')
    expect(server.log).toEqual([])
    const allowed = await sandbox.build('native', files, ['--network', 'private', '--allow', 'network.host'])
    expect(allowed.code, allowed.stderr).toBe(0)
  } finally {
    await server.close()
  }
})
