import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { listenForQuestions, type Question } from '../../src/engine/questions.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-ask-'))
mkdirSync(join(folder, 'rules'))
const asked: Question[] = []
const failures: unknown[] = []
const ends: string[] = []
const server = await listenForQuestions(
  folder,
  async (question) => {
    asked.push(question)
    return `load /pack ${question.path.split('/').at(-1)}\n`
  },
  (error) => failures.push(error),
  (reason) => ends.push(reason),
)
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What comes back for a text, as the handler asks: it writes and waits. */
function ask(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(join(folder, 'ask'))
    let said = ''
    socket.setEncoding('latin1').on('data', (part: string) => (said += part))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(said))
    socket.write(text)
  })
}

test('an answer is a whole file, there before the reply', async () => {
  const id = 'ab'.repeat(20)
  expect(await ask(`${id} /usr/bin/as\n`)).toBe('\n')
  expect(readFileSync(join(folder, 'rules', id), 'utf8')).toBe('load /pack as\n')
  expect(asked).toContainEqual({ id, path: '/usr/bin/as' })
})

test('any user of the container may ask', () => {
  expect(statSync(join(folder, 'ask')).mode & 0o777).toBe(0o666)
})

test.each([
  ['a path as build-id', '../../../../etc/passwd /usr/bin/as\n'],
  ['no path', `${'ab'.repeat(20)}\n`],
  ['a relative path', `${'ab'.repeat(20)} as\n`],
  ['nothing', '\n'],
  ['two questions at once', `${'cd'.repeat(20)} /a\n${'ef'.repeat(20)} /b\n`],
])('%s is no question', async (_, text) => {
  const before = asked.length
  expect(await ask(text)).toBe('\n')
  expect(asked).toHaveLength(before)
  expect(existsSync(join(folder, 'rules', 'cd'.repeat(20)))).toBe(false)
})

test('who does not stop talking is not listened to', async () => {
  expect(await ask('x'.repeat(100_000))).toBe('')
})

test('an answer that cannot be written is no answer, and is told', async () => {
  const id = '12'.repeat(20)
  rmSync(join(folder, 'rules'), { recursive: true })
  writeFileSync(join(folder, 'rules'), '')
  expect(await ask(`${id} /usr/bin/as\n`)).toBe('\n')
  expect(failures).toEqual([expect.objectContaining({ code: 'ENOTDIR' })])
  rmSync(join(folder, 'rules'))
  mkdirSync(join(folder, 'rules'))
  expect(await ask(`${id} /usr/bin/as\n`)).toBe('\n')
  expect(existsSync(join(folder, 'rules', id))).toBe(true)
})

test('a twin that gives up is heard before it is answered, and nothing else is', async () => {
  expect(await ask("!a module of the image's CPU is loaded: /x.node\n")).toBe('\n')
  expect(ends).toEqual(["a module of the image's CPU is loaded: /x.node"])
  for (const text of ['!\n', `!${'x'.repeat(601)}\n`, '!two\nlines\n']) await ask(text)
  expect(ends).toHaveLength(1)
})

test('a step that asks for more programs than there are gets no further answers', async () => {
  const id = (number: number) => number.toString(16).padStart(40, '0')
  for (let from = 1; from <= 600; from += 100)
    await Promise.all(Array.from({ length: 100 }, (_, n) => ask(`${id(from + n)} /usr/bin/as\n`)))
  expect(new Set(asked.map((one) => one.id)).size).toBe(512)
  const before = asked.length
  expect(existsSync(join(folder, 'rules', id(600)))).toBe(false)
  expect(await ask(`${id(1)} /usr/bin/as\n`)).toBe('\n')
  expect(asked).toHaveLength(before + 1)
})
