import { createHash } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { COMMIT_TIME, dumbGit, makeRepository, smartGit, type TestRepository } from '../support/git-server.ts'
import { readTree, summary } from '../support/read-tree.ts'
import { item, tar } from '../support/tar.ts'
import { writeFiles } from './support/context.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { tempFolder } from './support/places.ts'
import { run, startXbuild, xbuild, type Ended, type RunOptions } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const LAST_MODIFIED = 'Tue, 15 Nov 1994 12:45:26 GMT'
const sha256 = (text: string | Uint8Array) => `sha256:${createHash('sha256').update(text).digest('hex')}`
let server: FileServer
let repository: TestRepository
let count = 0

/** A tar archive. */
const tarOf = (entries: readonly Parameters<typeof item>[0][]) => tar(entries.map(item))
/** What the store still holds of running work. */
const temporary = () => readdirSync(join(store, 'tmp'))

beforeAll(async () => {
  server = await startFileServer()
  repository = makeRepository(join(folder, 'repositories/tool.git'))
  server.files.set('/git/', smartGit(join(folder, 'repositories'), '/git'))
  writeFiles(repository.folder, {
    Dockerfile: 'FROM scratch\nCOPY . /all/\n',
    'docs/guide': 'one',
    'docs/Dockerfile': 'FROM scratch\nCOPY guide /g\n',
    'docs/whole': 'FROM scratch\nCOPY docs/guide /w\n',
    'run.sh': '#!/bin/sh\n',
  })
  chmodSync(join(repository.folder, 'run.sh'), 0o700)
  repository.commit()
  repository.git('tag', '-a', '-m', 'first', 'v1')
})
afterAll(() => server.close())
beforeEach(() => void server.log.splice(0))

/** The arguments of a process, if it is still there. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** Builds for this machine and gives the file system of the image. */
async function build(
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ at: (path: string) => string; mtime: (path: string) => number; paths: string[]; stderr: string }> {
  count += 1
  const out = join(folder, `o${count}.tar`)
  const { code, stderr } = await xbuild(['--progress', 'plain', '-o', `type=tar,dest=${out}`, ...args], {
    store,
    ...options,
  })
  expect(code, stderr).toBe(0)
  const tree = readTree(out)
  return {
    at: (path) => summary(tree.get(path)),
    mtime: (path) => tree.get(path)?.mtime ?? -1,
    paths: [...tree.keys()].sort(),
    stderr,
  }
}

/** Config, and number of layers, of the only image of a layout. */
function readLayout(layout: string): {
  config: { history: { created_by: string; empty_layer?: boolean }[] }
  layers: number
} {
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8'))
  const blob = (digest: string) => read(join('blobs', ...digest.split(':')))
  const manifest = blob(read('index.json').manifests[0].digest)
  return { config: blob(manifest.config.digest), layers: manifest.layers.length }
}

/** The same for a Dockerfile of FROM scratch and these lines. */
function buildFile(lines: string, files: Record<string, string> = {}) {
  count += 1
  return build([writeFiles(join(folder, `c${count}`), { Dockerfile: `FROM scratch\n${lines}\n`, ...files })])
}

async function fails(lines: string): Promise<Ended> {
  count += 1
  const context = writeFiles(join(folder, `c${count}`), { Dockerfile: `FROM scratch\n${lines}\n` })
  const ended = await xbuild(['--progress', 'plain', context], { store })
  expect(ended.code, ended.stderr).toBe(1)
  return ended
}

describe('ADD of a URL', () => {
  test('gives root a file that nobody else reads, with the time and name it has on the server', async () => {
    server.files.set('/some%20file', { body: 'text', lastModified: LAST_MODIFIED })
    server.files.set('/plain', { body: 'plain' })
    const { at, mtime } = await buildFile(
      `ADD ${server.url}/some%20file?x=y ${server.url}/plain /in/\nADD ${server.url}/plain /as/named\nADD --chmod=644 --chown=7:8 ${server.url}/plain local /both/`,
      { local: 'l' },
    )
    expect(at('in/some file')).toBe('file 600 0:0 "text"')
    expect(mtime('in/some file')).toBe(Date.parse(LAST_MODIFIED) / 1000)
    expect(at('as/named')).toBe('file 600 0:0 "plain"')
    expect(mtime('as/named')).toBe(0)
    expect(at('both/plain')).toBe('file 644 7:8 "plain"')
    expect(at('both/local')).toBe('file 644 7:8 "l"')
  })

  test('asks the server whether there is a newer file, and downloads only that', async () => {
    server.files.set('/f', { body: 'old' })
    await buildFile(`ADD ${server.url}/f /f`)
    const again = await buildFile(`ADD ${server.url}/f /f`)
    expect(again.stderr).toContain('CACHED')
    server.files.set('/f', { body: 'new' })
    const changed = await buildFile(`ADD ${server.url}/f /f`)
    expect(changed.at('f')).toBe('file 600 0:0 "new"')
    expect(server.log).toEqual(['GET /f 200', 'GET /f 304', 'GET /f 200'])
  })

  test('checks a checksum, and asks nobody for content it has', async () => {
    server.files.set('/sum', { body: 'content', etag: false })
    await buildFile(`ADD --checksum=${sha256('content')} ${server.url}/sum /f`)
    await buildFile(`ADD --checksum=${sha256('content')} ${server.url}/sum /f`)
    expect(server.log).toEqual(['GET /sum 200'])
    const { stderr } = await fails(`ADD --checksum=${sha256('other')} ${server.url}/sum /f`)
    expect(stderr).toContain(`its digest is ${sha256('content')}, the checksum says ${sha256('other')}`)
    expect(stderr).toMatch(/Dockerfile:2/)
  })

  test('unpacks an archive when asked to, and only then', async () => {
    server.files.set('/a.tgz', { body: gzipSync(tarOf([{ path: 'inside', data: 'x', uid: 5, gid: 6 }])) })
    const { at, paths } = await buildFile(
      `ADD ${server.url}/a.tgz /kept/\nADD --unpack=true ${server.url}/a.tgz /unpacked/`,
    )
    expect(paths).toEqual(
      ['kept/', 'kept/a.tgz', 'unpacked/', 'unpacked/inside'].map((path) => path.replace(/\/$/, '')),
    )
    expect(at('unpacked/inside')).toBe('file 644 5:6 "x"')
  })

  test('follows redirects to http only, and not for ever; tries again what may pass', async () => {
    const to = (location: string) => (_: unknown, response: ServerResponse) =>
      void response.writeHead(302, { location }).end()
    let refusals = 0
    server.files.set(
      '/end',
      (_, response) => void (refusals++ < 2 ? response.writeHead(503).end() : response.end('end')),
    )
    server.files.set('/start', to('/end'))
    server.files.set('/loop', to('/loop'))
    server.files.set('/out', to('file:///etc/passwd'))
    expect((await buildFile(`ADD ${server.url}/start /f`)).at('f')).toBe('file 600 0:0 "end"')
    expect((await fails(`ADD ${server.url}/loop /f`)).stderr).toContain('more than 10 redirects')
    expect((await fails(`ADD ${server.url}/out /f`)).stderr).toContain('redirects to a file: URL')
    expect((await fails(`ADD ${server.url}/missing /f`)).stderr).toContain('answered 404')
    expect((await fails('ADD http://127.0.0.1:1/f /f')).stderr).toContain('connection refused')
  })

  test('leaves nothing behind when it is stopped, or the server breaks off', async () => {
    server.files.set('/half', (_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('half')
      setTimeout(() => response.destroy(), 50)
    })
    server.files.set('/slow', (_, response) => void response.writeHead(200, { 'content-length': 1000 }).write('slow'))
    expect((await fails(`ADD ${server.url}/half /f`)).stderr).toContain(`Cannot download "${server.url}/half"`)
    count += 1
    const context = writeFiles(join(folder, `c${count}`), { Dockerfile: `FROM scratch\nADD ${server.url}/slow /f\n` })
    const running = startXbuild(['--progress', 'rawjson', context], { store })
    await running.printed(/transfer/)
    running.child.kill('SIGINT')
    expect((await running.ended).code).toBe(130)
    expect(await leftovers(store)).toEqual(CLEAN)
    expect(temporary()).toEqual([])
  })
})

describe('ADD of a git repository', () => {
  test.each(['', '#main', '#v1', '?tag=v1', '#refs/heads/main', 'COMMIT'])(
    'takes the files of the commit that "%s" means',
    async (ref) => {
      const url = `${server.url}/git/tool.git${ref === 'COMMIT' ? `#${repository.git('rev-parse', 'v1^{}')}` : ref}`
      const { at, mtime, paths } = await buildFile(`ADD ${url} /src/`)
      expect(paths).toEqual([
        'src',
        'src/Dockerfile',
        'src/docs',
        'src/docs/Dockerfile',
        'src/docs/guide',
        'src/docs/whole',
        'src/run.sh',
      ])
      expect(at('src/run.sh')).toBe('file 755 0:0 "#!/bin/sh\\n"')
      expect(at('src/docs/guide')).toBe('file 644 0:0 "one"')
      expect(mtime('src/docs/guide')).toBe(COMMIT_TIME)
    },
  )

  test('takes one folder, gives it to others, excludes', async () => {
    const { at, paths } = await buildFile(`ADD --chown=3:4 --exclude=Dockerfile ${server.url}/git/tool.git#v1:docs /d`)
    expect(paths).toEqual(['d', 'd/guide', 'd/whole'])
    expect(at('d/guide')).toBe('file 644 3:4 "one"')
  })

  test('keeps .git when asked to: a repository that git can use, without what makes two builds differ', async () => {
    const { paths, at } = await buildFile(`ADD --keep-git-dir=true ${server.url}/git/tool.git#v1 /src`)
    expect(paths).toContain('src/.git/HEAD')
    expect(at('src/.git/HEAD')).toContain(repository.git('rev-parse', 'v1^{}'))
    expect(paths.filter((path) => /hooks|logs/.test(path))).toEqual([])
  })

  test('checks out nothing when the commit is known, however it is named', async () => {
    await buildFile(`ADD ${server.url}/git/tool.git#main /a`)
    const { stderr } = await buildFile(`ADD ${server.url}/git/tool.git#refs/heads/main /a`)
    expect(stderr.match(/CACHED/g)).toHaveLength(2)
  })

  test('checks the commit', async () => {
    const commit = repository.git('rev-parse', 'HEAD')
    await buildFile(`ADD --checksum=${commit.slice(0, 12)} ${server.url}/git/tool.git /a`)
    const { stderr } = await fails(`ADD --checksum=0123456789 ${server.url}/git/tool.git /a`)
    expect(stderr).toContain(`it is commit ${commit}, the checksum says 0123456789`)
  })

  test('brings submodules, unless told not to; refuses those that are files or commands', async () => {
    const outer = makeRepository(join(folder, 'repositories/outer.git'))
    // By its path: the server is in this process, which waits for git
    outer.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', repository.folder, 'inner')
    outer.git('config', '-f', '.gitmodules', 'submodule.inner.url', `${server.url}/git/tool.git`)
    outer.commit({ own: 'x' })
    const { paths } = await buildFile(
      `ADD ${server.url}/git/outer.git /with\nADD ${server.url}/git/outer.git?submodules=false /without`,
    )
    expect(paths).toEqual(expect.arrayContaining(['with/inner/docs/guide', 'with/own', 'without/inner', 'without/own']))
    expect(paths.filter((path) => path.startsWith('without/inner/') || /with\/.*\.git$/.test(path))).toEqual([])
    for (const [name, url] of [
      ['files', `file://${repository.folder}`],
      ['commands', `ext::sh -c touch% ${folder}/ran`],
    ] as const) {
      outer.git('config', '-f', '.gitmodules', 'submodule.inner.url', url)
      outer.commit()
      const { stderr } = await fails(`ADD ${server.url}/git/outer.git /${name}`)
      expect(stderr).toMatch(/its address has no host[^]*Dockerfile:\d+/)
    }
  })

  test('works over a plain web server, too', async () => {
    server.files.set('/dumb.git/', dumbGit(repository, '/dumb.git'))
    const { at } = await buildFile(`ADD ${server.url}/dumb.git#main:docs /d`)
    expect(at('d/guide')).toBe('file 644 0:0 "one"')
  })

  test('keeps symbolic links as they are and follows none out of the repository', async () => {
    const hostile = makeRepository(join(folder, 'repositories/hostile.git'))
    symlinkSync('/var', join(hostile.folder, 'etc'))
    hostile.commit()
    const { at } = await buildFile(`ADD ${server.url}/git/hostile.git /h`)
    expect(at('h/etc')).toMatch(/^symlink .* -> \/var$/)
    expect((await fails(`ADD ${server.url}/git/hostile.git#:etc /h`)).stderr).toContain('has no folder "etc"')
  })

  test.each([
    ['#--upload-pack=touch', 'is not a branch, tag or commit'],
    ['#nothing', 'it has no branch or tag "nothing"'],
    ['#:nothing', 'has no folder "nothing"'],
    [`#${'1'.repeat(40)}`, `commit ${'1'.repeat(40)} not found`],
    ['?what=ever', '"what" is unknown'],
  ])('%s is refused with the line in the Dockerfile', async (tail, message) => {
    const { stderr } = await fails(`ADD ${server.url}/git/tool.git${tail} /a`)
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/Dockerfile:2/)
    expect(temporary()).toEqual([])
  })
})

test('git and what it started end with the build', async () => {
  const asked = new Promise<void>((resolve) => server.files.set('/silent/', () => resolve()))
  const running = startXbuild(['--progress', 'plain', `${server.url}/silent/x.git`], { store })
  await asked
  running.child.kill('SIGINT')
  expect((await running.ended).code).toBe(130)
  expect(await leftovers(store)).toEqual(CLEAN)
  expect(temporary()).toEqual([])
})

describe('logins', () => {
  const TOKEN = 'token-of-the-test'
  const env = { TOKEN }

  test('secrets open repositories and files; they are nowhere in the image, the store or the log', async () => {
    const git = smartGit(join(folder, 'repositories'), '/private')
    const [asked, expected] = [
      new Set<string | undefined>(),
      `Basic ${Buffer.from(`x-access-token:${TOKEN}`).toString('base64')}`,
    ]
    server.files.set('/private/', (request, response) => {
      asked.add(request.headers.authorization)
      if (request.headers.authorization === expected) git(request, response)
      else response.writeHead(401, { 'www-authenticate': 'Basic' }).end()
    })
    server.files.set(
      '/secret-file',
      (request, response) =>
        void response.writeHead(request.headers.authorization === `Bearer ${TOKEN}` ? 200 : 403).end('file'),
    )
    const context = writeFiles(join(folder, 'logins'), {
      Dockerfile: `FROM scratch\nADD --keep-git-dir ${server.url}/private/tool.git#v1 /r/\nADD ${server.url}/secret-file /\n`,
    })
    const without = await xbuild(['--progress', 'plain', context], { store })
    expect(without.code).toBe(1)
    expect(without.stderr).toMatch(/--secret id=(GIT_AUTH_TOKEN|HTTP_AUTH_TOKEN_127\.0\.0\.1:\d+),env=VARIABLE/)
    const { at, paths, stderr } = await build(
      [
        '--secret',
        'id=GIT_AUTH_TOKEN,env=TOKEN',
        '--secret',
        `id=HTTP_AUTH_TOKEN_${new URL(server.url).host},env=TOKEN`,
        context,
      ],
      { env },
    )
    expect([at('r/docs/guide'), at('secret-file')]).toEqual(['file 644 0:0 "one"', 'file 600 0:0 "file"'])
    expect(paths).toContain('r/.git/config')
    expect(asked).toEqual(new Set([undefined, expected]))
    expect(stderr).not.toContain(TOKEN)
    for (const secret of [TOKEN, expected.slice('Basic '.length)])
      expect((await run('grep', ['-rl', '--', secret, store])).stdout).toBe('')
    const whole = await build(
      [
        '--secret',
        `id=GIT_AUTH_TOKEN.127.0.0.1:${new URL(server.url).port},env=TOKEN`,
        `${server.url}/private/tool.git#v1:docs`,
      ],
      { env },
    )
    expect(whole.paths).toEqual(['g'])
  })

  test('a password in a URL is used, and not shown', async () => {
    server.files.set(
      '/with-password',
      (request, response) =>
        void response
          .writeHead(
            request.headers.authorization === `Basic ${Buffer.from('me:pass-word').toString('base64')}` ? 200 : 403,
          )
          .end('p'),
    )
    const { at, stderr } = await buildFile(
      `ARG P=pass-word\nADD ${server.url.replace('//', '//me:${P}@')}/with-password ${server.url.replace('//', '//me:pass-word@')}/with-password /p/`,
    )
    expect(at('p/with-password')).toBe('file 600 0:0 "p"')
    expect(stderr).not.toContain('pass-word@')
  })

  test('a password in the URL of a repository is used, and no program has it in its arguments', async () => {
    const git = smartGit(join(folder, 'repositories'), '/closed')
    const asked: string[] = []
    const seen = new Set<string>()
    server.files.set('/closed/', (request, response) => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        const line = commandLine(pid)
        if (line.includes(new URL(server.url).host)) asked.push(line)
        if (/word-of-git|d29yZC1vZi1naX/.test(line)) seen.add(line)
      }
      if (request.headers.authorization === `Basic ${btoa('me:word-of-git')}`) git(request, response)
      else response.writeHead(401, { 'www-authenticate': 'Basic' }).end()
    })
    const { at, stderr } = await buildFile(
      `ADD ${server.url.replace('//', '//me:word-of-git@')}/closed/tool.git#v1 /r/`,
    )
    expect(at('r/docs/guide')).toBe('file 644 0:0 "one"')
    expect(stderr).not.toContain('word-of-git')
    expect(asked.join('\n')).toContain('git')
    expect([...seen]).toEqual([])
  })
})

describe('a build context', () => {
  test('is a git repository, or a folder of one; a COPY of what a new commit leaves alone stays cached', async () => {
    const whole = await build([`${server.url}/git/tool.git#v1`])
    expect(whole.at('all/docs/guide')).toBe('file 644 0:0 "one"')
    const part = await build([`${server.url}/git/tool.git#main:docs`])
    expect(part.at('g')).toBe('file 644 0:0 "one"')
    repository.commit({ other: 'changed' })
    expect((await build([`${server.url}/git/tool.git#main:docs`])).stderr).toMatch(/COPY guide[^]*CACHED/)
    expect((await build([`${server.url}/git/tool.git`, '-f', 'docs/whole'])).paths).toEqual(['w'])
  })

  test('is an archive behind a URL, with the owners it has; .dockerignore has no effect on it', async () => {
    const dockerfile = 'FROM scratch\nCOPY . /\n'
    server.files.set('/c.tar.gz', {
      body: gzipSync(
        tarOf([
          { path: 'Dockerfile', data: dockerfile },
          { path: '.dockerignore', data: '*' },
          { path: 'd/f', data: 'x', uid: 1, gid: 2, mode: 0o640 },
        ]),
      ),
    })
    const { at } = await build([`${server.url}/c.tar.gz`])
    expect(at('d/f')).toBe('file 640 1:2 "x"')
    const again = await build([`${server.url}/c.tar.gz`])
    expect(again.stderr.match(/CACHED/g)).toHaveLength(2)
    expect(server.log).toEqual(['GET /c.tar.gz 200', 'GET /c.tar.gz 304'])
  })

  test('is nothing when the URL is a Dockerfile', async () => {
    server.files.set('/Dockerfile', { body: 'FROM scratch\nCOPY <<x /f\ntext\nx\n' })
    expect((await build([`${server.url}/Dockerfile`])).at('f')).toBe('file 644 0:0 "text\\n"')
  })

  test('comes on standard input as an archive, plain or packed, or is a Dockerfile alone', async () => {
    const archive = tarOf([
      { path: 'Dockerfile', data: 'FROM scratch\nCOPY f /a\n' },
      { path: 'other', data: 'FROM scratch\nCOPY f /b\n' },
      { path: 'f', data: 'x' },
    ])
    expect((await build(['-'], { input: archive })).paths).toEqual(['a'])
    expect((await build(['-f', 'other', '-'], { input: gzipSync(archive) })).paths).toEqual(['b'])
    expect((await build(['-'], { input: 'FROM scratch\nCOPY <<x /c\nx\n' })).paths).toEqual(['c'])
    expect(temporary()).toEqual([])
  })

  test('goes with a Dockerfile from standard input or a URL; an ignore file of the Dockerfile wins', async () => {
    const context = writeFiles(join(folder, 'both'), {
      'x.Dockerfile': 'FROM scratch\nCOPY . /\n',
      'x.Dockerfile.dockerignore': '*\n!a',
      '.dockerignore': 'a',
      a: 'a',
      b: 'b',
    })
    expect((await build(['-f', '-', context], { input: 'FROM scratch\nCOPY b /\n' })).paths).toEqual(['b'])
    server.files.set('/df', { body: 'FROM scratch\nCOPY b /u\n' })
    expect((await build(['-f', `${server.url}/df`, context])).paths).toEqual(['u'])
    expect((await build(['-f', join(context, 'x.Dockerfile'), context])).paths).toEqual(['a'])
    expect(
      (await build(['-f', '-', `${server.url}/git/tool.git#v1`], { input: 'FROM scratch\nCOPY run.sh /\n' })).paths,
    ).toEqual(['run.sh'])
  })

  test('has a name when it is one of several: a repository, an archive; a stage may start from it', async () => {
    server.files.set('/n.tar', { body: tarOf([{ path: 'n', data: 'n' }]) })
    const context = writeFiles(join(folder, 'named'), {
      Dockerfile: 'FROM files\nCOPY --from=src docs/guide /\nCOPY --from=files n /again\n',
    })
    const { paths } = await build([
      '--build-context',
      `src=${server.url}/git/tool.git#v1`,
      '--build-context',
      `files=${server.url}/n.tar`,
      context,
    ])
    expect(paths).toEqual(expect.arrayContaining(['again', 'guide']))
  })

  test('that is a folder can be what a stage starts from, as its first layer', async () => {
    const named = writeFiles(join(folder, 'first'), { 'd/f': 'f', no: 'n', '.dockerignore': 'no' })
    const context = writeFiles(join(folder, 'on-first'), { Dockerfile: 'FROM first\nENV A=b\nCOPY g /d/\n', g: 'g' })
    const layout = join(folder, 'first.layout')
    const { code, stderr } = await xbuild(
      ['--progress', 'plain', '-o', `type=oci,dest=${layout}`, '--build-context', `first=${named}`, context],
      { store },
    )
    expect(code, stderr).toBe(0)
    const { config, layers } = readLayout(layout)
    expect(config.history.map(({ created_by, empty_layer }) => [created_by, empty_layer ?? false])).toEqual([
      ['FROM first', false],
      ['ENV A=b', true],
      ['COPY g /d/ # buildkit', false],
    ])
    expect(layers).toBe(2)
    const { at, paths } = await build(['--build-context', `first=${named}`, context])
    expect(paths).toEqual(['.dockerignore', 'd', 'd/f', 'd/g'])
    expect(at('d/f')).toBe('file 644 0:0 "f"')
  })

  test.each([
    [['-'], 'not a Dockerfile\n', 1, /<stdin>:1/],
    [['-f', '-', '-'], 'FROM scratch\n', 2, /both the context and the Dockerfile/],
    [['-f', 'x', '-'], 'FROM scratch\n', 2, /standard input holds a Dockerfile already/],
    [['-f', 'missing', '-'], 'ARCHIVE', 1, /"missing" in <stdin>: no such file/],
    [['-f', '../../../etc/passwd', '-'], 'ARCHIVE', 1, /no such file/],
    [['-'], gzipSync('FROM scratch\n'), 2, /standard input as a context: it is not a tar archive/],
    [['-'], tarOf([{ path: '../evil', data: 'x' }]), 1, /points outside of the destination/],
    [['https://h/a.git?x=y'], '', 2, /"x" is unknown/],
    [['ftp://h/a'], '', 2, /this kind of URL is not supported/],
    [['http://127.0.0.1:1/a.git'], '', 1, /Cannot read git repository/],
    [['file:///nowhere/at/all'], '', 1, /Cannot read git repository/],
  ] as const)('%j is refused with a reason', async (args, input, code, message) => {
    const ended = await xbuild(['--progress', 'plain', ...args], {
      store,
      input:
        input === 'ARCHIVE'
          ? tarOf([
              { path: 'a', data: 'a' },
              { path: 'etc', type: 'symlink', link: '/var' },
            ])
          : input,
    })
    expect(ended.stderr).toMatch(message)
    expect(ended.code).toBe(code)
    expect(await leftovers(store)).toEqual(CLEAN)
    expect(temporary()).toEqual([])
  })
})

describe('an ordinary user', () => {
  const user = ordinaryUser(tempFolder())

  test('builds from repositories, URLs and archives with other owners', async () => {
    server.files.set('/u.tar', {
      body: tarOf([
        {
          path: 'Dockerfile',
          data: `FROM scratch\nCOPY f /\nADD ${server.url}/git/tool.git#v1 /src\nADD ${server.url}/u.tar /\n`,
        },
        { path: 'f', data: 'x', uid: 7, gid: 8, mode: 0o600 },
      ]),
    })
    const out = join(user.home, 'out.tar')
    const { code, stderr } = await user.xbuild([
      '--progress',
      'plain',
      '-o',
      `type=tar,dest=${out}`,
      `${server.url}/u.tar`,
    ])
    expect(code, stderr).toBe(0)
    const tree = readTree(out)
    expect(summary(tree.get('f'))).toBe('file 600 7:8 "x"')
    expect(summary(tree.get('src/run.sh'))).toBe('file 755 0:0 "#!/bin/sh\\n"')
    expect(tree.get('u.tar')?.mode).toBe(0o600)
  })
})

describe('SOURCE_DATE_EPOCH=context', () => {
  const lastModified = Date.parse(LAST_MODIFIED) / 1000
  const archive = tarOf([
    { path: 'Dockerfile', data: 'FROM scratch\nARG SOURCE_DATE_EPOCH=none\nLABEL t=$SOURCE_DATE_EPOCH\n', mtime: 500 },
    { path: 'newest', data: 'n', mtime: 1000 },
    { path: 'folder/', type: 'dir', mtime: 2000 },
    { path: 'older', data: 'o', mtime: 700 },
  ])

  /** When the image says it was made, in seconds, and what the build argument was. */
  async function timeOf(args: readonly string[], options: RunOptions = {}): Promise<{ created: number; arg: string }> {
    count += 1
    const layout = join(folder, `time${count}`)
    const { code, stderr } = await xbuild(['--progress', 'plain', '-o', `type=oci,tar=false,dest=${layout}`, ...args], {
      store,
      ...options,
      env: { SOURCE_DATE_EPOCH: 'context', ...options.env },
    })
    expect(code, stderr).toBe(0)
    const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8'))
    const blob = (digest: string) => read(join('blobs', ...digest.split(':')))
    const { created, config } = blob(blob(read('index.json').manifests[0].digest).config.digest)
    return { created: Date.parse(created) / 1000, arg: config.Labels?.t }
  }

  const DOCKERFILE = 'FROM scratch\nARG SOURCE_DATE_EPOCH=none\nLABEL t=$SOURCE_DATE_EPOCH\n'
  const at = (time: number) => ({ created: time, arg: String(time) })

  test('is the time of the commit of a repository, also when the store knows its files already', async () => {
    repository.commit({ 'timed/Dockerfile': DOCKERFILE })
    const url = `${server.url}/git/tool.git#main:timed`
    expect(await timeOf([url])).toEqual(at(COMMIT_TIME))
    expect(await timeOf([url])).toEqual(at(COMMIT_TIME))
    expect(await timeOf([url], { env: { SOURCE_DATE_EPOCH: '' } })).toEqual({ created: 0, arg: 'none' })
    expect(await timeOf([url, '--build-arg', 'SOURCE_DATE_EPOCH=7'])).toEqual(at(7))
  })

  test('is what the server says of a download, else the time of the newest file in the archive', async () => {
    server.files.set('/dated.tar', { body: archive, lastModified: LAST_MODIFIED })
    server.files.set('/undated.tar.gz', { body: gzipSync(archive) })
    server.files.set('/alone', { body: DOCKERFILE, lastModified: LAST_MODIFIED })
    server.files.set('/alone-undated', { body: DOCKERFILE })
    expect(await timeOf([`${server.url}/dated.tar`])).toEqual(at(lastModified))
    expect(await timeOf([`${server.url}/undated.tar.gz`])).toEqual(at(1000))
    expect(await timeOf([`${server.url}/alone`])).toEqual(at(lastModified))
    expect(await timeOf([`${server.url}/alone-undated`])).toEqual({ created: 0, arg: 'none' })
  })

  test('is the time of the newest file in an archive on standard input; a Dockerfile and a folder have none', async () => {
    expect(await timeOf(['-'], { input: gzipSync(archive) })).toEqual(at(1000))
    expect(await timeOf(['-'], { input: DOCKERFILE })).toEqual({ created: 0, arg: 'none' })
    const local = writeFiles(join(folder, 'timeless'), { Dockerfile: DOCKERFILE })
    expect(await timeOf([local])).toEqual({ created: 0, arg: 'none' })
    expect(await timeOf([local, '--build-arg', 'SOURCE_DATE_EPOCH=context'])).toEqual({ created: 0, arg: 'none' })
  })

  test('may be that of another context, by its name', async () => {
    const local = writeFiles(join(folder, 'named'), { Dockerfile: DOCKERFILE })
    const named = (url: string) => [local, '--build-context', `a=${url}`, '--build-arg', 'SOURCE_DATE_EPOCH=a']
    server.files.set('/named.tar', { body: archive, lastModified: LAST_MODIFIED })
    expect(await timeOf(named(`${server.url}/git/tool.git#main`))).toEqual(at(COMMIT_TIME))
    expect(await timeOf(named(`${server.url}/named.tar`))).toEqual(at(lastModified))
    expect(await timeOf(named(local))).toEqual({ created: 0, arg: 'none' })
  })

  test('two builds of a repository are equal, and no file is younger', async () => {
    const args = [`${server.url}/git/tool.git#main:timed`, '--build-arg', 'SOURCE_DATE_EPOCH=context']
    const digests = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const ended = await xbuild(['--progress', 'plain', '-o', `type=oci,dest=${join(folder, name)}.tar`, ...args], {
          store: join(folder, `store-${name}`),
        })
        expect(ended.code, ended.stderr).toBe(0)
        return ended.stdout
      }),
    )
    expect(digests[0]).toMatch(/^sha256:/)
    expect(digests[1]).toBe(digests[0])
  })
})
