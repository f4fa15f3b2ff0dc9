import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runHere } from '../support/run-in-process.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('--print shows one build as a bake file that means the same', async () => {
  const cwd = tempFolder()
  mkdirSync(join(cwd, 'context'))
  writeFileSync(join(cwd, 'xbuild.yaml'), 'labels: {from: file}\nplatforms: [linux/s390x]\n')
  const env = { TOKEN: 'secret', FOO: 'bar', XBUILD_PROGRESS: 'plain' }
  const args = [
    ...['--print', '-f', 'other.Dockerfile', '--platform', 'linux/amd64,linux/arm64', '-t', 'app:1', '--push'],
    ...['--build-arg', 'FOO', '--build-arg', 'A=${b}', '--secret', 'id=t,env=TOKEN', '--cache-to', 'type=inline'],
    ...['--label', 'a=b', '--add-host', 'x:10.0.0.1', '--no-cache', '--test', 'echo hi', 'context'],
  ]
  const printed = await runHere(args, { cwd, env })
  expect(printed.code, printed.stderr).toBe(0)
  const json = JSON.parse(printed.stdout)
  expect(json).toEqual({
    group: { default: { targets: ['default'] } },
    target: {
      default: {
        context: 'context',
        dockerfile: 'cwd://other.Dockerfile',
        args: { A: '$${b}', FOO: 'bar' },
        labels: { a: 'b', from: 'file' },
        tags: ['app:1'],
        'cache-to': [{ type: 'inline' }],
        secret: [{ id: 't', env: 'TOKEN' }],
        platforms: ['linux/amd64', 'linux/arm64'],
        output: [{ type: 'registry' }],
        'no-cache': true,
        test: ['echo hi'],
        'extra-hosts': { x: '10.0.0.1' },
      },
    },
  })
  writeFileSync(join(cwd, 'docker-bake.json'), printed.stdout)
  const baked = await runHere(['bake', '-f', 'docker-bake.json', '--print'], { cwd, env })
  expect(baked.code, baked.stderr).toBe(0)
  expect(JSON.parse(baked.stdout)).toEqual(json)
})

test('--print refuses what a build would refuse', async () => {
  const { code, stdout, stderr } = await runHere(['--print', '--platform', 'linux/', '.'], { cwd: tempFolder() })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain('linux/')
})
