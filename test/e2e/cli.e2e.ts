import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { program } from './support/places.ts'
import { run, xbuild } from './support/xbuild.ts'

let folder: string
let store: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xbuild-cli-'))
  store = join(folder, 'store')
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nARG TARGETARCH\nCOPY hello hello.$TARGETARCH\n')
  writeFileSync(join(folder, 'hello'), 'hello\n')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TWO = ['--platform', 'linux/amd64,linux/arm64']
const DIGEST = /^sha256:[0-9a-f]{64}\n$/

describe('without a build', () => {
  test.each([['--version'], ['-v'], ['version']])('%s', async (flag) => {
    const { version } = JSON.parse(readFileSync(join(program, '../../package.json'), 'utf8')) as { version: string }
    expect(await xbuild([flag])).toEqual({ code: 0, stdout: `xbuild ${version}\n`, stderr: '' })
  })

  test('--help is the help of the flag table', async () => {
    const text = readFileSync(join(import.meta.dirname, '../fixtures/cli/help.txt'), 'utf8')
    expect(await xbuild(['--help'])).toEqual({ code: 0, stdout: text, stderr: '' })
  })

  test.each([
    [
      ['--platfrom', 'linux/arm64', '.'],
      /Cannot use "--platfrom": unknown flag\n {2}hint: Did you mean --platform\?\n$/,
    ],
    [['--squash', '.'], /xbuild does not support it yet/],
    [['--platform', 'linux/nope', '.'], /unknown architecture "nope"/],
    [['build'], /PATH is missing/],
    [['--push', '.'], /Cannot push: the image has no name/],
    [['--progress', 'tty', '.'], /stderr is not a terminal/],
  ])('%j is wrong usage', async (argv, stderr) => {
    const ended = await xbuild(argv, { cwd: folder, store })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toMatch(stderr)
    expect(ended.stderr.match(/error:/g)).toHaveLength(1)
  })

  test('xbuild.yaml of the folder is read, every mistake told', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'xbuild-cli-'))
    try {
      writeFileSync(join(elsewhere, 'xbuild.yaml'), 'jobs: many\nplatfroms: [linux/amd64]\n')
      const { code, stderr } = await xbuild(['.'], { cwd: elsewhere, store })
      expect(code).toBe(2)
      expect(stderr).toContain('Cannot use jobs "many": not a whole number of at least 1')
      expect(stderr).toContain('at xbuild.yaml:2')
      expect(stderr).toContain('Did you mean "platforms"?')
    } finally {
      rmSync(elsewhere, { recursive: true })
    }
  })

  test('a current folder that was removed is no place to build from', async () => {
    const gone = mkdtempSync(join(tmpdir(), 'xbuild-gone-'))
    const script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    const ended = await run('sh', ['-c', script, 'sh', gone, process.execPath, program, '--store', store, folder])
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toBe(
      'error: Cannot run in the current folder: it was removed\n  hint: Change to a folder that is there\n',
    )
  })

  test('a reader that closes the pipe early is no error, a full disk is', async () => {
    const closed = await run('bash', [
      '-c',
      `"$0" "$1" help | true; echo "\${PIPESTATUS[0]}"`,
      process.execPath,
      program,
    ])
    expect(closed).toMatchObject({ code: 0, stdout: '0\n', stderr: '' })
    const full = await run('bash', ['-c', `"$0" "$1" help > /dev/full`, process.execPath, program])
    expect(full).toMatchObject({ code: 1 })
    expect(full.stderr).toMatch(/^error: Cannot write output: ENOSPC/)
  })
})

describe('with a build', () => {
  test('stdout is the digest, stderr the rest', async () => {
    const ended = await xbuild([...TWO, '.'], { cwd: folder, store })
    expect(ended.stdout).toMatch(DIGEST)
    expect(ended.code).toBe(0)
    expect(ended.stderr).toContain('[linux/arm64 stage-0 2/2] COPY hello hello.$TARGETARCH')
    expect(ended.stderr).toContain(`Built ${ended.stdout.trim()} for 2 platforms`)
    expect(ended.stderr).toContain(`The image stays in the store (${store})`)
  })

  test('-q says the digest alone', async () => {
    const ended = await xbuild(['-q', ...TWO, '.'], { cwd: folder, store })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(DIGEST)
  })

  test('rawjson is JSON on every line', async () => {
    const { code, stdout, stderr } = await xbuild(['--progress', 'rawjson', ...TWO, '.'], { cwd: folder, store })
    expect(code).toBe(0)
    expect(stdout).toMatch(DIGEST)
    const events = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string })
    expect(events.map(({ type }) => type)).toContain('job.done')
  })

  test('a tar on stdout is all there is on stdout', () => {
    const { status, stdout } = spawnSync(process.execPath, [program, ...TWO, '-o', '-', '.'], {
      cwd: folder,
      env: { ...process.env, XBUILD_HOME: store },
    })
    expect(status).toBe(0)
    const listed = spawnSync('tar', ['-t'], { input: stdout, encoding: 'utf8' })
    expect(listed.status).toBe(0)
    expect(listed.stdout.split('\n')).toEqual(
      expect.arrayContaining(['linux_amd64/hello.amd64', 'linux_arm64/hello.arm64']),
    )
  })

  test('xbuild plan says why, and --json is the plan itself', async () => {
    const table = await xbuild(['plan', ...TWO, '.'], { cwd: folder, store })
    expect(table).toMatchObject({ code: 0 })
    expect(table.stdout).toMatch(/^STAGE +RUNS ON +FOR +STRATEGY +NODE +REASON$/m)
    const json = await xbuild(['plan', '--json', ...TWO, '.'], { cwd: folder, store })
    expect(JSON.parse(json.stdout)).toMatchObject({
      dockerfile: 'Dockerfile',
      jobs: [{ kind: 'image' }, { kind: 'image' }],
    })
  })
})
