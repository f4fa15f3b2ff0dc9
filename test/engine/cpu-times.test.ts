import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { programOf, watchCpu } from '../../src/engine/worker/cpu-times.ts'

const line = (...words: string[]) => `${words.join('\0')}\0`

test('a process is QEMU with a program, a loader with a twin, a twin, or nothing of these', () => {
  const pack = `/dev/.xbuild/packs/${'a'.repeat(64)}`
  expect(programOf(1, line('/store/packs/qemu/arm64-0123abcd', '/usr/bin/ld', 'ld', '-o', 'x'))).toEqual({
    name: 'ld',
    native: false,
  })
  expect(programOf(1, line('/usr/bin/qemu-aarch64-static', './conftest', './conftest'))).toEqual({
    name: 'conftest',
    native: false,
  })
  const loader = [`${pack}/lib/ld.so`, '--inhibit-cache', '--library-path', `${pack}/lib`, '--argv0', 'sh']
  expect(programOf(1, line(...loader, `${pack}/bin/dash`, '-c', ':'))).toEqual({ name: 'dash', native: true })
  expect(programOf(1, line('runc', 'init'))).toBeUndefined()
  expect(programOf(1, '')).toBeUndefined()
})

test('the time of all processes below one is what the kernel counted', async () => {
  const shell = spawn('sh', ['-c', 'node -e "while (process.cpuUsage().user < 300000);"; sleep 0.3'])
  const watch = watchCpu(shell.pid!)
  const own = spawn('sh', ['-c', `exec sleep 0`]) // beside it, not below
  await new Promise((resolve) => shell.once('exit', resolve))
  const { seconds, programs } = watch.end()
  own.kill()
  expect(seconds).toBeGreaterThanOrEqual(0)
  expect(programs).toEqual([])
})
