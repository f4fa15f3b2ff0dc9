import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const servers: ReturnType<typeof createServer>[] = []
afterAll(() => servers.forEach((server) => void server.close()))

/**
 * Makes a folder outside of every build, which belongs to `uid`: files with and without content, folders, links, a
 * socket, a pipe and a device. The names are those that hostile steps use, three levels deep: whoever comes in by
 * mistake meets something to read, write, remove or touch.
 */
export async function makeCanary(folder: string, uid: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  fill(folder, 3)
  for (const name of ['resolv.conf', 'hosts']) writeFileSync(join(folder, name), '')
  symlinkSync('full', join(folder, 'link'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  if (process.getuid!() === 0) execFileSync('mknod', [join(folder, 'dev'), 'c', '1', '3'])
  execFileSync('setfattr', ['-n', 'user.canary', '-v', 'sings', join(folder, 'full')])
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(join(folder, 'sock'), resolve))
  execFileSync('chown', ['-hR', `${uid}:${uid}`, folder])
  execFileSync('find', [folder, '-exec', 'touch', '-h', '-d', '@1000000000', '{}', '+'])
}

function fill(folder: string, depth: number): void {
  for (const name of ['f', 'empty']) writeFileSync(join(folder, name), '', { mode: 0o640 })
  writeFileSync(join(folder, 'full'), 'sings', { mode: 0o600 })
  writeFileSync(join(folder, 'secret'), 'SECRET\n', { mode: 0o644 })
  writeFileSync(join(folder, 'passwd'), 'secret:x:4242:4242::/:/bin/sh\n', { mode: 0o644 })
  for (const name of ['d', 'e']) {
    mkdirSync(join(folder, name), { mode: 0o751 })
    if (depth > 1) fill(join(folder, name), depth - 1)
  }
}

/** Everything that can be told of a folder and of what is in it, but for the times of reading. */
export function stateOf(folder: string): string[] {
  const attributes = execFileSync('getfattr', ['-hRPd', '-m', '-', '--absolute-names', folder], { encoding: 'utf8' })
  return [...linesOf(folder), ...attributes.split('\n')]
}

function linesOf(path: string): string[] {
  const stat = lstatSync(path, { bigint: true })
  const { mode, uid, gid, ino, nlink, rdev, size, mtimeNs, ctimeNs } = stat
  const content = stat.isFile() ? readFileSync(path, 'utf8') : stat.isSymbolicLink() ? readlinkSync(path) : ''
  const line = `${path} ${[mode, uid, gid, ino, nlink, rdev, size, mtimeNs, ctimeNs].join(' ')} ${content}`
  if (!stat.isDirectory()) return [line]
  return [
    line,
    ...readdirSync(path)
      .sort()
      .flatMap((name) => linesOf(join(path, name))),
  ]
}
