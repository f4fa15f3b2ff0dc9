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
  const preloaded = [...loader.slice(0, 4), '--preload', `${pack}/lib/guest.so`, ...loader.slice(4), `${pack}/bin/perl`]
  expect(programOf(1, line(...preloaded, 'a.pl'))).toEqual({ name: 'perl', native: true })
  expect(programOf(1, line('runc', 'init'))).toBeUndefined()
  expect(programOf(1, '')).toBeUndefined()
})

test('the time of a child that ended is counted, and who is no program of the container has no name', async () => {
  const inner = `"${process.execPath}" -e "while (process.cpuUsage().user < 300000);"; echo done; read line`
  const shell = spawn('sh', ['-c', 'sh -c "$1"; :', 'sh', inner])
  const watch = watchCpu(shell.pid!)
  await new Promise((resolve) => shell.stdout.once('data', resolve))
  await new Promise((resolve) => setTimeout(resolve, 300)) // longer than any pause between two looks
  const ended = new Promise((resolve) => shell.once('exit', resolve))
  shell.stdin.end()
  await ended
  const { seconds, programs } = watch.end()
  expect(seconds).toBeGreaterThan(0.2)
  expect(programs).toEqual([])
})
