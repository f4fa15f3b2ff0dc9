import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { debianMirror } from './debian-mirror.ts'

/**
 * A program of the newest Debian that needs nothing but the C library, from its package alone; `cache` keeps it. The
 * package is compared with the digest in the list of packages.
 */
export async function debianProgram(name: string, cache: string): Promise<string> {
  const folder = join(cache, `sid-${name}`)
  const program = join(folder, 'usr/bin', name)
  if (existsSync(program)) return program
  const mirror = (await debianMirror()).replace(/\/$/, '')
  const list = await fetchFrom(`${mirror}/dists/sid/main/binary-amd64/Packages.xz`)
  const text = execFileSync('xz', ['-dc'], { input: list, maxBuffer: 1 << 30 }).toString()
  const entry = text.split('\n\n').find((one) => one.startsWith(`Package: ${name}\n`))
  const [, path] = /^Filename: (.+)$/m.exec(entry ?? '') ?? []
  const [, digest] = /^SHA256: (.+)$/m.exec(entry ?? '') ?? []
  if (path === undefined) throw new Error(`Debian has no package "${name}"`)
  const making = `${folder}.${process.pid}`
  mkdirSync(making, { recursive: true })
  const file = join(making, basename(path))
  writeFileSync(file, await fetchFrom(`${mirror}/${path}`))
  execFileSync('sha256sum', ['--check', '--quiet'], { input: `${digest}  ${file}\n` })
  execFileSync('dpkg-deb', ['-x', file, making])
  renameSync(making, folder)
  return program
}

async function fetchFrom(url: string): Promise<Buffer> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`Cannot fetch ${url}: status ${response.status}`)
  return Buffer.from(await response.arrayBuffer())
}
