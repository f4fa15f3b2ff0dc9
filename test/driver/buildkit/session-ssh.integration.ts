import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SSH } from '../../../src/driver/buildkit/gen/ssh_pb.ts'
import { sshService } from '../../../src/driver/buildkit/session/ssh.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { connectServices } from './connect-services.ts'

const FAILURE = '0000000105'
const LIST = '000000010b'

let agent: ChildProcess
let socket: string

/** A real agent with one key. */
beforeEach(async () => {
  const folder = tempFolder()
  socket = join(folder, 'agent')
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 5))
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'key-of-the-test', '-f', join(folder, 'key')])
  execFileSync('ssh-add', ['-q', join(folder, 'key')], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
})
afterEach(() => void agent.kill())

const keys = () => execFileSync('ssh-add', ['-l'], { env: { ...process.env, SSH_AUTH_SOCK: socket }, encoding: 'utf8' })

/** What a node gets for bytes that it sends in pieces: that many messages, or those before the call has ended. */
async function ask(pieces: readonly string[], messages = 1): Promise<string[]> {
  const { client, close } = await connectServices(sshService((id) => (id === 'default' ? socket : undefined)))
  try {
    const call = client.open(SSH.method.forwardAgent, { metadata: { 'buildkit.ssh.id': 'default' } })
    call.ended.catch(() => undefined)
    for (const piece of pieces) await call.send({ data: Buffer.from(piece, 'hex') })
    const answers: string[] = []
    let rest = Buffer.alloc(0)
    try {
      for await (const { data } of call.messages) {
        rest = Buffer.concat([rest, data])
        while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
          answers.push(rest.subarray(0, 4 + rest.readUInt32BE(0)).toString('hex'))
          rest = rest.subarray(4 + rest.readUInt32BE(0))
        }
        if (answers.length >= messages) break
      }
    } catch {
      // The call has failed: what came before counts
    }
    return answers
  } finally {
    close()
  }
}

const text = (message: string | undefined) => Buffer.from(message ?? '', 'hex').toString('latin1')

describe('a node that is given an ssh agent', () => {
  test('sees which keys it has', async () => {
    const [answer] = await ask([LIST])
    expect(answer?.slice(8, 10)).toBe('0c')
    expect(text(answer)).toContain('key-of-the-test')
  })

  test('gets a signature', async () => {
    const listed = Buffer.from((await ask([LIST]))[0]!, 'hex')
    const blob = listed.subarray(9, 13 + listed.readUInt32BE(9)).toString('hex')
    const body = `0d${blob}0000000361626300000000`
    const [answer] = await ask([(body.length / 2).toString(16).padStart(8, '0'), body])
    expect(answer?.slice(8, 10)).toBe('0e')
    expect(text(answer)).toContain('ssh-ed25519')
  })

  test.each([
    ['remove all keys', '0000000113'],
    ['remove all keys of the old protocol', '0000000109'],
    ['lock it', '000000051600000000'],
    ['add a key', '0000000211aa'],
    ['add a key with limits', '0000000219aa'],
    ['load a library as a smart card', '0000000a140000000161000000' + '00'],
    ['bind it to a session', '000000021baa'],
  ])('cannot %s', async (_, message) => {
    expect(await ask([message])).toEqual([FAILURE])
    expect(keys()).toContain('key-of-the-test')
  })

  test('gets one answer for each request, in their order', async () => {
    const answers = await ask([`${LIST}0000000113`, '000000', '0113'], 3)
    expect(answers.map((answer) => answer.slice(8, 10))).toEqual(['0c', '05', '05'])
  })

  test.each([
    ['longer than any', '0fffffff0b'],
    ['empty', '00000000'],
  ])('is left alone after a message that is %s', async (_, message) => {
    expect(await ask([message + LIST])).toEqual([])
  })
})
