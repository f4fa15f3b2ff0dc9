import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseGitUrl } from '../../src/dockerfile/git-url.ts'
import { checkOut, resolveCommit } from '../../src/source/git.ts'
import { createStrangersGitProgram } from '../../src/source/git-stranger.ts'
import { makeRepository, type TestRepository } from '../support/git-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { signal } = new AbortController()

type Entry = readonly [mode: string, name: string, id: string]

/** Writes a tree with names that git itself would not take. */
function treeOf({ folder }: TestRepository, entries: readonly Entry[]): string {
  const bytes = entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')])
  const args = ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally']
  return execFileSync('git', args, { cwd: folder, input: Buffer.concat(bytes), encoding: 'utf8' }).trim()
}

const blobOf = ({ folder }: TestRepository, text: string) =>
  execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: folder, input: text, encoding: 'utf8' }).trim()

/** Makes the repository of a row; `run` is a command that leaves a trace. */
type Make = (repository: TestRepository, places: { run: string; inner: TestRepository }) => readonly Entry[]

const submodule =
  (settings: Record<string, string>, { name = 'm', path = 'sub', more = () => [] as readonly Entry[] } = {}): Make =>
  (repository, { run, inner }) => {
    const fill = (text: string) => text.replaceAll('RUN', run).replaceAll('INNER', inner.folder)
    const lines = Object.entries({ path, ...settings }).map(([key, value]) => `\t${key} = ${fill(value)}\n`)
    const modules = blobOf(repository, `[submodule "${name}"]\n${lines.join('')}`)
    const gitlink: Entry[] = path.includes('/') ? [] : [['160000', path, inner.git('rev-parse', 'HEAD')]]
    return [['100644', '.gitmodules', modules], ...more(), ...gitlink]
  }

const inFolder =
  (name: string, file = 'config'): Make =>
  (repository, { run }) => {
    const config = blobOf(repository, `[core]\n\tfsmonitor = ${run}\n\tsshCommand = ${run}\n`)
    return [['40000', name, treeOf(repository, [['100755', file, config]])]]
  }

const ROWS: Readonly<Record<string, Make>> = {
  'a submodule behind a command': submodule({ url: '"ext::sh -c RUN"' }),
  'a submodule at a path of this machine': submodule({ url: 'INNER' }),
  'a submodule behind a file URL': submodule({ url: 'file://INNER' }),
  'a submodule whose URL is an option': submodule({ url: '--upload-pack=RUN' }),
  'a submodule whose host is an option of ssh': submodule({ url: '"ssh://-oProxyCommand=RUN/x"' }),
  'a submodule that says how it is updated': submodule({ url: 'https://127.0.0.1:1/x', update: '"!RUN"' }),
  'a submodule whose name leads out': submodule({ url: 'https://127.0.0.1:1/x' }, { name: '../../../x' }),
  'a submodule whose path ends in a carriage return': submodule({ url: 'https://127.0.0.1:1/x' }, { path: 'sub\r' }),
  'a folder .GIT': inFolder('.GIT'),
  'a folder .git with a joiner': inFolder('.g\u200cit'),
  'a folder git~1': inFolder('git~1'),
  'a name with slashes': (repository) => [['100644', '../ran', blobOf(repository, 'x')]],
  'a link .gitmodules': (repository) => [['120000', '.gitmodules', blobOf(repository, '/etc/passwd')]],
  'a file behind a link of the same name': (repository) => [
    ['120000', 'l', blobOf(repository, '..')],
    ['40000', 'l', treeOf(repository, [['100644', 'ran', blobOf(repository, 'x')]])],
  ],
  'a filter, and large files elsewhere': (repository, { run }) => [
    ['100644', '.gitattributes', blobOf(repository, '* filter=lfs diff=lfs merge=lfs working-tree-encoding=UTF-16\n')],
    [
      '100644',
      '.lfsconfig',
      blobOf(repository, `[lfs]\n\turl = https://127.0.0.1:1/\n[filter "lfs"]\n\tsmudge = ${run}\n`),
    ],
    [
      '100644',
      'large',
      blobOf(repository, `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 1\n`),
    ],
  ],
}

test.each(Object.entries(ROWS))('nothing happens outside for %s', async (_, make) => {
  const root = tempFolder()
  const ran = join(root, 'ran')
  const inner = makeRepository(join(root, 'inner'))
  inner.commit({ secret: 'of this machine' })
  const repository = makeRepository(join(root, 'outer'))
  const tree = treeOf(repository, make(repository, { run: `touch ${ran}`, inner }))
  repository.git('update-ref', 'refs/heads/main', repository.git('commit-tree', '-m', 'm', tree))

  const remote = parseGitUrl(`file://${repository.folder}#main`)
  const folder = join(root, 'outside/checkout')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(root, 'outside/canary'), '')
  const git = createStrangersGitProgram({ PATH: process.env['PATH'] })
  const commit = await resolveCommit(git, remote, signal)
  const ended = await checkOut({ origin: git, stranger: git }, remote, { commit, folder, signal }).catch(
    ({ code }: { code: string }) => code,
  )
  expect(ended).not.toBe('INTERNAL')
  expect(existsSync(ran)).toBe(false)
  expect(existsSync('/tmp/xbuild-ran')).toBe(false)
  expect(readdirSync(join(root, 'outside')).sort()).toEqual(['canary', 'checkout'])
  expect(readdirSync(root).sort()).toEqual(['inner', 'outer', 'outside'])
  const files = execFileSync('find', ['-P', '.'], { cwd: folder, encoding: 'utf8' }).split('\n')
  expect(files.filter((file) => file.includes('secret'))).toEqual([])
  // A checkout that came to be has no file of git in it
  if (typeof ended === 'object') expect(files.filter((file) => /(^|\/)\.git(\/|$)/i.test(file))).toEqual([])
})
