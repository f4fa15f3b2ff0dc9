import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { parseGitUrl } from '../../src/dockerfile/git-url.ts'
import { GIT_LIMITS, type GitLimits } from '../../src/source/git-limits.ts'
import { createStrangersGitProgram } from '../../src/source/git-stranger.ts'
import { bringSubmodules } from '../../src/source/git-submodules.ts'
import { createBudget } from '../../src/source/git-budget.ts'
import { checkOut, resolveCommit } from '../../src/source/git.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { makeRepository, type TestRepository } from '../support/git-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { signal } = new AbortController()
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

const gitOf = (limits: Partial<GitLimits> = {}) =>
  createStrangersGitProgram({ PATH: process.env['PATH'] }, { limits: { ...GIT_LIMITS, ...limits } })

/** A git server that says what `speak` says; gives its port. */
async function gitServer(speak: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    speak(socket)
  })
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

const line = (text: string) => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`

/** References without end, each another one. */
function* endlessRefs(): Generator<string> {
  yield line(`${'1'.repeat(40)} HEAD\0agent=x\n`)
  for (let count = 0; ; count += 1000)
    yield Array.from({ length: 1000 }, (_, index) =>
      line(`${'1'.repeat(40)} refs/heads/${'x'.repeat(900)}${count + index}\n`),
    ).join('')
}

function pour(socket: Pick<Socket, 'write' | 'once' | 'destroyed'>, texts: Iterator<string>): void {
  while (!socket.destroyed) {
    if (!socket.write(texts.next().value as string)) return void socket.once('drain', () => pour(socket, texts))
  }
}

const askedOf = (url: string, limits?: Partial<GitLimits>) =>
  resolveCommit(gitOf(limits), parseGitUrl(url), signal).then(
    () => undefined,
    (error: unknown) => error,
  )

test('a git server whose list of references has no end fills no more memory than a question may', async () => {
  const port = await gitServer((socket) => pour(socket, endlessRefs()))
  expect(await askedOf(`git://127.0.0.1:${port}/x`, { askingMemory: 64 << 20 })).toMatchObject({
    code: 'HOST',
    message: expect.stringContaining('more memory than it may have'),
  })
})

test('so does one that is asked by http', async () => {
  const server: FileServer = await startFileServer()
  ends.push(() => server.close())
  server.files.set('/', (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' })
    response.write(`${line('# service=git-upload-pack\n')}0000`)
    pour(response as never, endlessRefs())
  })
  expect(await askedOf(`${server.url}/x.git`, { askingMemory: 64 << 20 })).toMatchObject({ code: 'HOST' })
})

test('a git server that never answers is given up', async () => {
  const port = await gitServer(() => undefined)
  expect(await askedOf(`git://127.0.0.1:${port}/x`, { silence: 500 })).toMatchObject({
    code: 'REGISTRY',
    message: expect.stringContaining('the host stopped responding'),
  })
})

/** Makes trees of trees, each with the one before `width` times in it; gives the commit. */
function bomb(
  repository: TestRepository,
  { depth, width, file }: { depth: number; width: number; file: boolean },
): string {
  const { folder, git } = repository
  const tree = (entries: readonly (readonly [mode: string, name: string, id: string])[]) =>
    execFileSync('git', ['hash-object', '-t', 'tree', '-w', '--stdin'], {
      cwd: folder,
      encoding: 'utf8',
      input: Buffer.concat(
        entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
      ),
    }).trim()
  const blob = execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: folder, input: '', encoding: 'utf8' })
  let top = tree(file ? [['100644', 'f', blob.trim()]] : [])
  for (let level = 0; level < depth; level += 1)
    top = tree(Array.from({ length: width }, (_, index) => ['40000', `d${index}`, top] as const))
  const commit = git('commit-tree', '-m', 'm', top)
  git('update-ref', 'refs/heads/main', commit)
  return commit
}

test.each([true, false])('trees that name each other (a file at the end: %s) are counted, not made', async (file) => {
  const root = tempFolder()
  const repository = makeRepository(join(root, 'bomb'))
  bomb(repository, { depth: 40, width: 9, file })
  const folder = join(root, 'checkout')
  mkdirSync(folder)
  const remote = parseGitUrl(`file://${repository.folder}#main`)
  const git = gitOf()
  const commit = await resolveCommit(git, remote, signal)
  await expect(
    checkOut({ origin: git, stranger: git }, remote, { commit, folder, signal, limits: { entries: 5000, depth: 3 } }),
  ).rejects.toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining('more than 5000 files and folders') })
  expect(readdirSync(folder)).toEqual(['.git'])
})

test('the addresses of all submodules are judged, however many there are', async () => {
  const folder = tempFolder()
  const repository = makeRepository(folder)
  const modules = Array.from({ length: 20_000 }, (_, index) =>
    [
      `[submodule "${'n'.repeat(200)}${index}"]`,
      `path = p${index}`,
      `url = git://${index === 0 ? 'first' : 'other'}.example/x`,
    ].join('\n'),
  )
  repository.commit({ '.gitmodules': `${modules.join('\n')}\n` })
  const judged = new Set<string>()
  const run = async (args: readonly string[], cwd: string, onOutput?: (chunk: Buffer) => void) => {
    // What "init" makes of them
    if (args[0] === 'submodule' && args[2] === 'init') {
      const text = modules.map((module) => module.replace(/\npath = \S+/, '')).join('\n')
      execFileSync('sh', ['-c', 'cat >> .git/config'], { cwd, input: text })
      return ''
    }
    if (args[0] === 'submodule') return ''
    return gitOf()(args, { what: 'try', signal, cwd, ...(onOutput ? { onOutput } : {}) })
  }
  const budget = createBudget('try', GIT_LIMITS)
  await bringSubmodules(folder, { run, budget, judge: async (host) => void judged.add(host) })
  expect([...judged]).toEqual(['first.example', 'other.example'])
})

test('levels of submodules are counted', () => {
  const budget = createBudget('try', { entries: 1, depth: 2 })
  budget.enter()
  budget.enter()
  expect(() => budget.enter()).toThrow('more than 2 levels of submodules')
})
