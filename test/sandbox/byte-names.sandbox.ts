import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nameOfBytes } from '../../src/byte-name.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { readTree, summary } from '../support/read-tree.ts'
import { item, tar } from '../support/tar.ts'
import { createSandbox, MODES } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/** A name of these bytes, written as characters of Latin 1. */
const name = (text: string) => nameOfBytes(Buffer.from(text, 'latin1'))

const MADE = `FROM busybox AS made
RUN mkdir -p "$(printf '/t/d\\377')" && cd /t/d* && echo text > "$(printf 'caf\\351')" && echo gone > "$(printf '\\344')" \\
  && ln caf* hard && ln -s "$(printf 'caf\\351')" "$(printf 's\\366ft')" && mkfifo "$(printf 'p\\374')" && mkdir old
RUN cd /t/d* && rm "$(printf '\\344')" && for f in caf*; do echo more >> "$f"; done && rmdir old
`

const THERE = [
  [name('t/d\xff'), 'dir 755 0:0'],
  [name('t/d\xff/caf\xe9'), 'file 644 0:0 "text\\nmore\\n"'],
  // An overlay parts the names of a file of a layer below when it is written to
  [name('t/d\xff/hard'), 'file 644 0:0 "text\\n"'],
  [name('t/d\xff/p\xfc'), 'fifo 644 0:0'],
  [name('t/d\xff/s\xf6ft'), `symlink 777 0:0 -> ${name('caf\xe9')}`],
]

/** The files below `top` of an exported tree. */
function below(file: string, top: string): (readonly [string, string])[] {
  const found = [...readTree(file)].filter(([path]) => path.startsWith(`${top}/`))
  return found.map(([path, entry]) => [path, summary(entry)])
}

test.each(MODES)('names of any bytes that a %s step makes come into the image, and out of it', async (mode) => {
  const out = join(sandbox.store(mode), '..', `made-${mode}.tar`)
  const dockerfile = `${MADE}FROM made\nRUN ls /t/* && test -p /t/d*/p*\nCOPY --from=made /t/d*/caf* /c/\nCOPY --from=made /t /u\n`
  const built = await sandbox.build(mode, { Dockerfile: dockerfile }, ['-o', `type=tar,dest=${out}`])
  expect(built.code, built.stderr).toBe(0)
  expect(below(out, 't')).toEqual(THERE)
  expect(below(out, 'u')).toEqual(THERE.map(([path, what]) => [path!.replace(/^t/, 'u'), what]))
  expect(below(out, 'c')).toEqual([[name('c/caf\xe9'), 'file 644 0:0 "text\\nmore\\n"']])
  expect(readdirSync(join(sandbox.store(mode), 'tmp'))).toEqual([])
})

test.each(MODES)(
  'a %s build takes such names from contexts, archives and base images, and knows them again',
  async (mode) => {
    const archive = tar([
      item({ path: name('d\xff'), type: 'dir', mode: 0o755 }),
      item({ path: name('d\xff/\xe9'), data: 'a' }),
      item({ path: name('d\xff/link'), type: 'symlink', link: name('\xe9'), mode: 0o777 }),
      item({ path: name('again\xe9'), type: 'hardlink', link: name('d\xff/\xe9') }),
    ])
    const base = { Dockerfile: 'FROM scratch\nADD a.tar /a/\n', 'a.tar': archive }
    const layout = join(sandbox.store(mode), '..', `base-${mode}`)
    const first = await sandbox.build(mode, base, ['-o', `type=oci,tar=false,dest=${layout}`])
    expect(first.code, first.stderr).toBe(0)
    const out = join(sandbox.store(mode), '..', `all-${mode}.tar`)
    const args = ['--build-context', `base=oci-layout://${layout}`, '-o', `type=tar,dest=${out}`]
    const files = (one: string, content: string) => ({
      Dockerfile: `FROM base AS all\nCOPY . /c/\nCOPY */one* /w/\nFROM busybox\nCOPY --from=all /[^d]* /x/\nRUN cat /x/*/*/*\nFROM all`,
      '.dockerignore': 'Dockerfile\n.dockerignore\nleft?\n',
      [name('left\xe9')]: 'not here',
      [name(`d\xff/${one}`)]: content,
      [name('d\xff/l')]: { link: name(one) },
    })
    const built = await sandbox.build(mode, files('one\xe9', 'text'), args)
    expect(built.code, built.stderr).toBe(0)
    expect(below(out, 'a')).toEqual([
      [name('a/again\xe9'), 'file 644 0:0 "a"'],
      [name('a/d\xff'), 'dir 755 0:0'],
      [name('a/d\xff/link'), `symlink 777 0:0 -> ${name('\xe9')}`],
      [name('a/d\xff/\xe9'), `hardlink 644 0:0 -> ${name('a/again\xe9')}`],
    ])
    expect(below(out, 'c')).toEqual([
      [name('c/d\xff'), 'dir 755 0:0'],
      [name('c/d\xff/l'), `symlink 777 0:0 -> ${name('one\xe9')}`],
      [name('c/d\xff/one\xe9'), 'file 644 0:0 "text"'],
    ])
    expect(below(out, 'w')).toEqual([[name('w/one\xe9'), 'file 644 0:0 "text"']])

    const again = await sandbox.build(mode, files('one\xe9', 'text'), args)
    expect([again.code, again.stderr.match(/COPY \. .*|CACHED/g)]).toEqual([0, expect.arrayContaining(['CACHED'])])
    // A name that differs in such a byte alone is another one
    const other = await sandbox.build(mode, files('one\xe8', 'text'), args)
    expect(other.code, other.stderr).toBe(0)
    expect(below(out, 'w')).toEqual([[name('w/one\xe8'), 'file 644 0:0 "text"']])
  },
)
