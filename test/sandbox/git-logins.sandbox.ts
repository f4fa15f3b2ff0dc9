import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { ordinaryUser } from '../e2e/support/ordinary-user.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { runOk } from '../e2e/support/xbuild.ts'
import { startSshd, type Sshd } from '../support/daemons.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { makeRepository, smartGit } from '../support/git-server.ts'

const folder = tempFolder()
const user = ordinaryUser(folder)
const asked: (string | undefined)[] = []
/** What every user could read of git's own programs while the server was asked. */
const shown: string[] = []
let sshd: Sshd
let server: FileServer
let overSsh: string
let overHttp: string
let canary: string
let builds = 0

/** The user has keys and logins of every kind, and git and ssh know them. */
beforeAll(async () => {
  ;[sshd, server] = await Promise.all([startSshd(), startFileServer()])
  const tool = makeRepository(join(folder, 'repositories/tool.git'))
  tool.commit({ file: 'private', Dockerfile: 'FROM scratch\nCOPY file /\n' })
  const git = smartGit(join(folder, 'repositories'), '/git')
  server.files.set('/git/', (request, response) => {
    asked.push(request.headers.authorization)
    shown.push(...commandLines().filter((line) => /^(\S*\/)?git\b/.test(line)))
    if (request.headers.authorization === `Basic ${btoa('me:word')}`) git(request, response)
    else response.writeHead(401, { 'www-authenticate': 'Basic' }).end()
  })
  overSsh = `ssh://${userInfo().username}@${sshd.host}${tool.folder}`
  overHttp = `${server.url}/git/tool.git`
  const outer = makeRepository(join(folder, 'repositories/outer.git'))
  writeFileSync(join(outer.folder, '.gitmodules'), `[submodule "inner"]\n path = inner\n url = ${overHttp}\n`)
  outer.commit({ Dockerfile: 'FROM scratch\nCOPY . /\n' })
  outer.git('update-index', '--add', '--cacheinfo', `160000,${tool.git('rev-parse', 'HEAD')},inner`)
  outer.git('commit', '--quiet', '-m', 'a submodule')
  canary = join(user.home, 'canary')
  const own = join(folder, 'own')
  mkdirSync(own)
  copyFileSync(sshd.userKey, join(own, 'id_ed25519'))
  writeFiles(own, {
    config: 'Host *\n IdentityFile ~/.ssh/id_ed25519\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n',
  })
  await user.give(own, '.ssh')
  chmodSync(join(user.home, '.ssh'), 0o700)
  const files = writeFiles(join(folder, 'files'), {
    netrc: 'machine 127.0.0.1 login me password word\n',
    gitconfig: `[credential]\n helper = "!f() { touch ${canary}; echo username=me; echo password=word; }; f"\n[url "${overHttp}"]\n insteadOf = http://127.0.0.1:1/short.git\n`,
  })
  for (const [from, to] of [
    ['netrc', '.netrc'],
    ['gitconfig', '.gitconfig'],
  ] as const)
    await runOk('install', ['-m', '600', '-o', String(ownerOf(user.home)), join(files, from), join(user.home, to)])
})
afterAll(() => Promise.all([sshd?.stop(), server?.close()]))

function ownerOf(path: string): number {
  return statSync(path).uid
}

function commandLines(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : []
    } catch {
      return [] // it has ended meanwhile
    }
  })
}

async function build(dockerfile: string, args: readonly string[] = [], env?: Readonly<Record<string, string>>) {
  builds += 1
  const context = writeFiles(join(folder, `context-${builds}`), { Dockerfile: dockerfile })
  return user.xbuild(['--progress', 'plain', ...args, await user.give(context, `context-${builds}`)], env)
}

test('ADD of a private repository over http sends no login of the user, and runs no helper', async () => {
  asked.length = 0
  const { code, stderr } = await build(`FROM scratch\nADD ${overHttp} /r\n`)
  expect(code, stderr).toBe(1)
  expect(stderr).toContain('authentication is required')
  expect(stderr).toContain('--secret id=GIT_AUTH_TOKEN')
  expect(new Set(asked)).toEqual(new Set([undefined]))
  expect(existsSync(canary)).toBe(false)
})

test('nor does a rewritten URL of the user count', async () => {
  asked.length = 0
  const { code } = await build('FROM scratch\nADD http://127.0.0.1:1/short.git /r\n')
  expect(code).toBe(1)
  expect(asked).toEqual([])
})

test('ADD over ssh uses no key of the user, whatever the environment says of ssh', async () => {
  const env = { GIT_SSH_COMMAND: `touch ${canary}; ssh -i ${join(user.home, '.ssh/id_ed25519')}` }
  const { code, stderr } = await build(`FROM scratch\nADD ${overSsh} /r\n`, [], env)
  expect(code, stderr).toBe(1)
  expect(stderr).toContain('authentication is required')
  expect(stderr).toContain('--ssh default')
  expect(existsSync(canary)).toBe(false)
})

test('a named context uses none either', async () => {
  const { code, stderr } = await build('FROM scratch\nCOPY --from=tool file /\n', [
    '--build-context',
    `tool=${overSsh}`,
  ])
  expect(code, stderr).toBe(1)
  expect(stderr).toContain('authentication is required')
})

test('with --ssh it signs in, and the file of known hosts stays as it is', async () => {
  const key = join(user.home, '.ssh/id_ed25519')
  const { code, stderr } = await build(`FROM scratch\nADD ${overSsh} /r\n`, ['--ssh', `default=${key}`])
  expect(code, stderr).toBe(0)
  expect(existsSync(join(user.home, '.ssh/known_hosts'))).toBe(false)
})

test('a server whose key is another than the known one gets no signature', async () => {
  const other = join(folder, 'other')
  await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other])
  const line = await runOk('sh', [
    '-c',
    `echo "[127.0.0.1]:${sshd.host.split(':')[1]} $(cut -d' ' -f1,2 ${other}.pub)"`,
  ])
  await user.run('sh', ['-c', `echo '${line.trim()}' > ${user.home}/.ssh/known_hosts`])
  const key = join(user.home, '.ssh/id_ed25519')
  const { code, stderr } = await build(`FROM scratch\nADD ${overSsh} /known\n`, [
    '--ssh',
    `default=${key}`,
    '--no-cache',
  ])
  await user.run('rm', [join(user.home, '.ssh/known_hosts')])
  expect(code, stderr).toBe(1)
  expect(stderr).toContain('has changed and you have requested strict checking')
})

test('the context that the user names is read with the keys of the user', async () => {
  const ssh = await user.xbuild(['--progress', 'plain', overSsh])
  expect(ssh.code, ssh.stderr).toBe(0)
  const http = await user.xbuild(['--progress', 'plain', '--provenance', 'true', overHttp])
  expect(http.code, http.stderr).toBe(0)
  expect(existsSync(canary) || asked.some((one) => one !== undefined)).toBe(true)
})

test('a submodule of that context is not: its address is of whoever wrote the repository', async () => {
  const { code, stderr } = await user.xbuild(['--progress', 'plain', overSsh.replace(/tool\.git$/, 'outer.git')])
  expect(code, stderr).toBe(1)
  expect(stderr).toContain('authentication is required')
})

test('a context that a bake file names is not the one of the user', async () => {
  asked.length = 0
  await user.run('rm', ['-f', canary])
  const files = writeFiles(join(folder, 'bake'), {
    'docker-bake.hcl': `target "default" { context = "${overHttp}" }\n`,
  })
  const project = await user.give(files, 'bake')
  const { code, stderr } = await user.xbuild(['bake', '--progress', 'plain', '-f', join(project, 'docker-bake.hcl')])
  expect(code, stderr).toBe(1)
  expect(stderr).toContain('authentication is required')
  expect(new Set(asked)).toEqual(new Set([undefined]))
  expect(existsSync(canary)).toBe(false)
})

test('a password in the URL of a context is in no command line of git', async () => {
  asked.length = shown.length = 0
  const { code, stderr } = await user.xbuild(['--progress', 'plain', overHttp.replace('://', '://me:word@')])
  expect(code, stderr).toBe(0)
  expect(asked).toContain(`Basic ${btoa('me:word')}`)
  expect(shown.some((line) => line.includes(overHttp))).toBe(true)
  expect(shown.filter((line) => line.includes('me:word') || line.includes(btoa('me:word')))).toEqual([])
  expect(stderr).not.toContain('me:word')
})
