import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { revisionOf } from '../../src/source/vcs.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { signal } = new AbortController()
const env = { PATH: process.env['PATH'], HOME: '/nowhere', BUILDX_GIT_CHECK_DIRTY: '1' }

/** A repository with the file `f`, and a folder in which programs that git was made to run leave their names. */
function makeRepository() {
  const [folder, ran] = [tempFolder(), tempFolder()]
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e', '-c', 'protocol.file.allow=always', ...args], {
      cwd: folder,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  git('init', '--quiet')
  writeFileSync(join(folder, 'f'), 'text\n')
  const commit = () => {
    git('add', '--all')
    git('commit', '--quiet', '-m', 'm')
    return git('rev-parse', 'HEAD')
  }
  return { folder, git, commit, leave: (name: string) => `touch ${join(ran, name)}`, ran: () => readdirSync(ran) }
}

/** Files whose times are others than git knows: it has to read them. */
const touch = (path: string) => utimesSync(path, 1, 1)

test('looking whether a folder was changed runs nothing that its repository names', async () => {
  const { folder, git, commit, leave, ran } = makeRepository()
  writeFileSync(join(folder, '.gitattributes'), 'f filter=a=.b diff=d\n')
  const id = commit()
  const hooks = join(folder, '.git/own-hooks')
  mkdirSync(hooks)
  writeFileSync(join(hooks, 'post-index-change'), `#!/bin/sh\n${leave('hook')}\n`)
  chmodSync(join(hooks, 'post-index-change'), 0o755)
  const settings: Record<string, string> = {
    'filter.a=.b.clean': `${leave('clean')}; cat`,
    'filter.a=.b.process': leave('process'),
    'filter.a=.b.smudge': `${leave('smudge')}; cat`,
    'filter.a=.b.required': 'true',
    'core.fsmonitor': leave('fsmonitor'),
    'core.hooksPath': hooks,
    'core.sshCommand': leave('ssh'),
    'core.pager': leave('pager'),
    'diff.external': leave('diff'),
    'diff.d.textconv': leave('textconv'),
    'status.submoduleSummary': 'true',
    'alias.status': `!${leave('alias')}`,
  }
  for (const [name, value] of Object.entries(settings)) git('config', name, value)
  touch(join(folder, 'f'))
  expect(await revisionOf(folder, { env, signal })).toEqual({ revision: id })
  writeFileSync(join(folder, 'f'), 'other\n')
  expect(await revisionOf(folder, { env, signal })).toEqual({ revision: `${id}-dirty` })
  expect(ran()).toEqual([])
})

test('nor what a submodule names', async () => {
  const { folder, git, commit, leave, ran } = makeRepository()
  const inner = makeRepository()
  writeFileSync(join(inner.folder, '.gitattributes'), 'f filter=evil\n')
  inner.commit()
  git('submodule', '--quiet', 'add', inner.folder, 'sub')
  const id = commit()
  execFileSync('git', ['config', 'filter.evil.clean', `${leave('clean')}; cat`], { cwd: join(folder, 'sub') })
  touch(join(folder, 'sub/f'))
  expect(await revisionOf(folder, { env, signal })).toEqual({ revision: id })
  expect(ran()).toEqual([])
})

test('nor fetches what the repository lacks', async () => {
  const { folder, git, commit, leave, ran } = makeRepository()
  const id = commit()
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.url)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const tree = git('rev-parse', 'HEAD^{tree}')
    execFileSync('rm', ['-f', join(folder, '.git/objects', tree.slice(0, 2), tree.slice(2))])
    for (const [name, value] of [
      ['core.repositoryFormatVersion', '1'],
      ['extensions.partialClone', 'origin'],
      ['remote.origin.promisor', 'true'],
      ['remote.origin.url', `http://127.0.0.1:${(server.address() as AddressInfo).port}/r.git`],
      ['credential.helper', `!${leave('helper')}`],
    ])
      git('config', name!, value!)
    const found = await revisionOf(folder, { env, signal })
    expect(found?.revision ?? id).toMatch(new RegExp(`^${id}`))
    expect(asked).toEqual([])
    expect(ran()).toEqual([])
  } finally {
    server.close()
  }
})

test('a folder that is no checkout has no commit', async () => {
  expect(await revisionOf(tempFolder(), { env, signal })).toBeUndefined()
})
