import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { platformOfNodeArch } from '../../src/platform.ts'
import type { Content } from '../e2e/support/context.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { writeLayout } from '../support/layouts.ts'
import { extension, item, paxRecord, tar, type TarItem } from '../support/tar.ts'
import { makeCanary, stateOf } from './support/canary.ts'
import { createSandbox, type Mode } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)
const { os, architecture } = platformOfNodeArch(process.arch)
const OF_HERE = { os, architecture }

interface Refused {
  readonly name: string
  /** `@` is a folder outside. */
  readonly dockerfile: string
  /** What the error says; absent: it may build, but must not show or change what is outside. */
  readonly said?: RegExp
  readonly files?: (outside: string) => Readonly<Record<string, Content>>
  /** Named contexts, from the folder of the row's own outside of the context. */
  readonly contexts?: (outside: string) => Readonly<Record<string, string>>
  /** Runs alike as an ordinary user, whose worker is another. */
  readonly everywhere?: true
  /** Layers of the image `base`. */
  readonly layers?: (outside: string) => readonly (readonly TarItem[])[]
}

const OUT = /points outside of the destination/
const GONE = /no such file or folder/

const dir = (path: string) => item({ path, type: 'dir', mode: 0o755 })
const link = (path: string, target: string) => item({ path, type: 'symlink', link: target })
const hard = (path: string, target: string) => item({ path, type: 'hardlink', link: target })
const file = (path: string, data = 'new\n') => item({ path, data })
const up = (outside: string) => `../../../../../../../..${outside}`

const add = (name: string, items: (out: string) => readonly TarItem[], said?: RegExp): Refused => ({
  name: `ADD of an archive: ${name}`,
  dockerfile: 'FROM busybox\nADD a.tar /m/\n',
  files: (out) => ({ 'a.tar': tar(items(out)) }),
  ...(said ? { said } : {}),
})
const addBytes = (name: string, parts: (out: string) => readonly Buffer[]): Refused => ({
  ...add(name, () => [], OUT),
  files: (out) => ({ 'a.tar': Buffer.concat([...parts(out)]) }),
})
const layer = (name: string, layers: (out: string) => readonly (readonly TarItem[])[], said?: RegExp): Refused => ({
  name: `a layer: ${name}`,
  dockerfile: 'FROM base\nCOPY x /\n',
  layers,
  ...(said ? { said } : {}),
})

const ROWS: readonly Refused[] = [
  {
    name: 'COPY of a link of the context',
    everywhere: true,
    dockerfile: 'FROM busybox\nCOPY l /got\n',
    files: (out) => ({ l: { link: `${out}/secret` } }),
    said: GONE,
  },
  {
    name: 'COPY behind a link of the context',
    dockerfile: 'FROM busybox\nCOPY l/secret /got\n',
    files: (out) => ({ l: { link: out } }),
    said: GONE,
  },
  {
    name: 'COPY behind a link of dots',
    dockerfile: 'FROM busybox\nCOPY l/secret /got\n',
    files: (out) => ({ l: { link: up(out) } }),
    said: GONE,
  },
  { name: 'COPY with dots', dockerfile: 'FROM busybox\nCOPY ../outside/secret /got\n', said: GONE },
  { name: 'COPY of an absolute path', dockerfile: 'FROM busybox\nCOPY @/secret /got\n', said: GONE },
  {
    name: 'COPY with a wildcard behind a link',
    dockerfile: 'FROM busybox\nCOPY l/s* x /got/\nRUN ! grep -r SECRET /got\n',
    files: (out) => ({ l: { link: out } }),
  },
  {
    name: 'COPY --parents behind a link',
    dockerfile: 'FROM busybox\nCOPY --parents l/./secret /got/\n',
    files: (out) => ({ l: { link: out } }),
    said: /no such file or folder|symbolic links/,
  },
  {
    name: 'COPY of links that go round in circles',
    dockerfile: 'FROM busybox\nCOPY l/x /got\n',
    files: () => ({ l: { link: 'k' }, k: { link: 'l' } }),
    said: /too many symbolic links/,
  },
  {
    name: 'COPY of a folder onto a link of the image',
    dockerfile: 'FROM busybox\nRUN mkdir /m && ln -s @/d /m/d\nCOPY s /m/\n',
    said: /Cannot copy/,
  },
  {
    name: 'ADD of an archive behind a link of the context',
    dockerfile: 'FROM busybox\nADD l/f /got\n',
    files: (out) => ({ l: { link: out } }),
    said: GONE,
  },
  {
    name: 'a mount of a link of the context',
    everywhere: true,
    dockerfile: 'FROM busybox\nRUN --mount=source=l,target=/m cat /m/secret\n',
    files: (out) => ({ l: { link: out } }),
    said: GONE,
  },
  {
    name: 'a mount of a link of a stage',
    dockerfile:
      'FROM busybox AS a\nRUN ln -s @ /l\nFROM busybox\nRUN --mount=from=a,source=/l,target=/m cat /m/secret\n',
    said: GONE,
  },
  {
    name: 'a writable mount of a link of a stage',
    everywhere: true,
    dockerfile:
      'FROM busybox AS a\nRUN ln -s @ /l\nFROM busybox\nRUN --mount=from=a,source=/l/full,target=/m,rw echo new > /m\n',
    said: GONE,
  },
  {
    name: 'a cache that starts with a link of a stage',
    dockerfile:
      'FROM busybox AS a\nRUN ln -s @ /l\nFROM busybox\nRUN --mount=type=cache,from=a,source=/l,target=/m cat /m/secret\n',
    said: /no such folder in what is mounted/,
  },
  {
    name: 'COPY --from behind a link',
    dockerfile: 'FROM busybox AS a\nRUN ln -s @ /l\nFROM busybox\nCOPY --from=a /l/secret /got\n',
    said: GONE,
  },
  {
    name: 'COPY --from behind /proc/self/root',
    dockerfile: 'FROM busybox AS a\nRUN ln -s /proc/self/root@ /l\nFROM busybox\nCOPY --from=a /l/secret /got\n',
    said: GONE,
  },
  {
    name: 'a folder where a file of the machine is',
    everywhere: true,
    dockerfile: 'FROM busybox\nRUN ln -s @/full /m && mkdir -p @ && echo > @/full\nWORKDIR /m/w\n',
    said: /is not a folder/,
  },
  {
    name: 'users that are a link',
    dockerfile: 'FROM busybox\nRUN rm -f /etc/passwd && ln -s @/passwd /etc/passwd\nUSER secret\nRUN true\n',
    said: /no such name/,
  },
  {
    name: 'users that are a pipe',
    everywhere: true,
    dockerfile: 'FROM busybox\nRUN rm -f /etc/passwd && mkfifo /etc/passwd\nUSER secret\nRUN true\n',
    said: /no such name/,
  },
  {
    name: 'users that are a folder',
    dockerfile: 'FROM busybox\nRUN rm -f /etc/passwd && mkdir /etc/passwd\nUSER secret\nRUN true\n',
    said: /no such name/,
  },
  {
    name: 'users that are very large',
    dockerfile: 'FROM busybox\nRUN truncate -s 8000000000 /etc/passwd\nUSER secret\nRUN true\n',
    said: /it has 8000000000 bytes/,
  },
  ...[
    ['a pipe', 'RUN rm -f /etc/passwd && mkfifo /etc/passwd'],
    ['a link to a pipe', 'RUN mkdir -p /p && mkfifo /p/f && ln -sf /p/f /etc/group'],
    ['a link to a terminal', 'RUN ln -sf /dev/ptmx /etc/group'],
    ['a mounted pipe', 'RUN mkfifo /f && touch /etc/group\nFROM a AS b', '--mount=from=a,source=/f,target=/etc/group'],
    ['a pipe in a mounted folder', 'RUN mkdir /e && mkfifo /e/passwd', '--mount=from=a,source=/e,target=/etc'],
    ['a pipe in a cache', 'RUN --mount=type=cache,target=/etc mkfifo /etc/passwd', '--mount=type=cache,target=/etc'],
  ].map(
    ([what, lines, mount = '']): Refused => ({
      name: `users by number, where they are ${what}`,
      everywhere: true,
      dockerfile: `FROM busybox AS a\n${lines}\nFROM a\nUSER 1000\nRUN ${mount} true\n`,
      said: /Cannot use the image's \/etc\/(passwd|group): it is neither a file nor a folder/,
    }),
  ),
  {
    name: 'owners that are a pipe',
    dockerfile: 'FROM busybox\nRUN rm -f /etc/group && mkfifo /etc/group\nCOPY --chown=root:secret x /m\n',
  },
  add('dots', (out) => [file(`${up(out)}/full`)], OUT),
  add('dots in the middle', (out) => [file(`a/../../../../../..${out}/full`)], OUT),
  add('a link of dots and a file behind it', (out) => [link('l', up(out)), file('l/full')]),
  add('a hard link to the machine', (out) => [hard('h', `${out}/secret`)], /is missing/),
  add('a hard link with dots', (out) => [hard('h', `${up(out)}/secret`)], OUT),
  add('a hard link behind its own link', (out) => [link('l', out), hard('h', 'l/secret')], /is missing/),
  addBytes('dots that a pax header brings', (out) => [
    extension('x', paxRecord('path', `${up(out)}/full`)),
    tar([file('harmless')]),
  ]),
  addBytes('dots that a long name of GNU brings', (out) => [
    extension('L', `${up(out)}/full\0`),
    tar([file('harmless')]),
  ]),
  addBytes('a hard link that a pax header turns outwards', (out) => [
    extension('x', paxRecord('linkpath', `${up(out)}/secret`)),
    tar([hard('h', 'harmless')]),
  ]),
  addBytes('a hard link that a long link of GNU turns outwards', (out) => [
    extension('K', `${up(out)}/secret\0`),
    tar([hard('h', 'harmless')]),
  ]),
  add('a removal', () => [file('.wh.x')], /to mark removed files/),
  add('a removal of dots', () => [file('.wh...')], /whiteout without a file name|to mark removed files/),
  add('a name of 200 folders', (out) => [file(`${'../'.repeat(200)}${out}/full`)], OUT),
  add('a name with a line feed', (out) => [file(`a\n${up(out)}/full`)]),
  layer('a file behind a link of a layer below', (out) => [[link('l', out)], [file('l/full')]]),
  layer('a removal behind a link of a layer below', (out) => [[link('l', out)], [file('l/.wh.full'), file('l/.wh.d')]]),
  layer('all of a folder hidden behind a link', (out) => [[link('l', out)], [file('l/.wh..wh..opq')]]),
  layer('a removal of dots', () => [[file('.wh...')]], /whiteout without a file name/),
  layer('a removal of a dot', () => [[file('d/.wh..')]], /whiteout without a file name/),
  layer('a removal of nothing', () => [[file('.wh.')]], /whiteout without a file name/),
  layer('a removal in a folder that becomes a link', (out) => [[dir('d'), file('d/.wh.full'), link('d', out)]]),
  layer('a device that stands for a removal', (out) => [
    [link('l', out)],
    [item({ path: 'l/full', type: 'char', devMajor: 0, devMinor: 0 })],
  ]),
  layer('a pipe behind a link', (out) => [[link('l', out)], [item({ path: 'l/new', type: 'fifo' })]]),
  layer(
    'a hard link behind a link of a layer below',
    (out) => [[link('l', out)], [hard('h', 'l/secret')]],
    /is missing/,
  ),
  layer('a link in place of a folder of the layer below', (out) => [
    [dir('d'), file('d/full')],
    [link('d', out), file('d/full')],
  ]),
  layer('the root as a link', (out) => [[link('.', out), file('full')]]),
  layer('dots', (out) => [[file(`${up(out)}/full`)]], OUT),
  layer('an absolute name', (out) => [[file(`${out}/full`)]]),
  layer('a mode through a hard link to a link', (out) => [
    [link('l', `${out}/full`), hard('h', 'l'), item({ path: 'h', type: 'hardlink', link: 'l', mode: 0o4777 })],
  ]),
]

/** The folder `named` of a row lies beside its canary. */
const named = (name: string, from: string, links: (out: string) => Readonly<Record<string, string>>): Refused => ({
  name: `a named context: ${name}`,
  dockerfile: `FROM busybox\n${from}\nRUN ! grep -r SECRET /got 2>/dev/null\n`,
  contexts(out) {
    const folder = `${out}-named`
    mkdirSync(folder)
    for (const [path, target] of Object.entries(links(out))) symlinkSync(target, join(folder, path))
    return { named: folder }
  },
})

const NAMED: readonly Refused[] = [
  { ...named('a link', 'COPY --from=named /l /got', (out) => ({ l: `${out}/secret` })), said: GONE },
  { ...named('behind a link of dots', 'COPY --from=named /l/secret /got', (out) => ({ l: up(out) })), said: GONE },
  named('all of it', 'COPY --from=named / /got', (out) => ({ l: `${out}/secret` })),
  { ...named('a mount', 'RUN --mount=from=named,source=l,target=/got true', (out) => ({ l: out })), said: GONE },
  {
    ...named('a mount of all', 'RUN --mount=from=named,target=/m cp /m/l/secret /got', (out) => ({ l: out })),
    said: /No such file/,
  },
  {
    ...named('a .dockerignore that never ends', 'COPY --from=named / /got', () => ({ '.dockerignore': '/dev/zero' })),
    said: /Cannot read "[^"]*": it is not a regular file/,
  },
  ...['/dev/zero', 'PIPE', 'SECRET'].map(
    (target): Refused => ({
      name: `a named context: an OCI layout with an index that is ${target}`,
      dockerfile: 'FROM named\n',
      contexts(out) {
        const folder = `${out}-named`
        mkdirSync(folder)
        const real = target === 'PIPE' ? `${out}/pipe` : target === 'SECRET' ? `${out}/secret` : target
        symlinkSync(real, join(folder, 'index.json'))
        return { named: `oci-layout://${folder}` }
      },
      said: /Cannot read/,
    }),
  ),
  {
    name: 'a named context: an OCI layout with a blob that is a file of the machine',
    dockerfile: 'FROM named\nCOPY x /\n',
    contexts(out) {
      const folder = writeLayout(`${out}-named`, [{ tar: tar([file('bin')]) }], OF_HERE)
      const blobs = join(folder, 'blobs/sha256')
      const sizes = readdirSync(blobs).map((name) => [name, statSync(join(blobs, name)).size] as const)
      for (const [name, size] of sizes) {
        writeFileSync(`${out}-other-${name}`, 'SECRET\n'.padEnd(size, 'x'))
        rmSync(join(blobs, name))
        symlinkSync(`${out}-other-${name}`, join(blobs, name))
      }
      return { named: `oci-layout://${folder}` }
    },
    said: /does not match its digest/,
  },
  ...(
    [
      ['COPY of a link', 'COPY --from=named /l /got', `:`],
      ['COPY behind a link', 'COPY --from=named /k/secret /got', `:`],
      ['a folder that is a link', 'COPY --from=named / /got\nRUN ! grep -r SECRET /got', `:k`],
      ['a folder of dots', 'COPY --from=named / /got\nRUN ! grep -r SECRET /got', `:../../../../../..`],
    ] as const
  ).map(
    ([name, lines, folder]): Refused => ({
      name: `a named context: a repository: ${name}`,
      dockerfile: `FROM busybox\n${lines}\n`,
      contexts(out) {
        const repository = `${out}-named`
        mkdirSync(repository)
        symlinkSync(`${out}/secret`, join(repository, 'l'))
        symlinkSync(out, join(repository, 'k'))
        const git = (...args: string[]) => execFileSync('git', ['-C', repository, ...IDENTITY, ...args])
        git('init', '--quiet', '--initial-branch=main')
        git('add', '--all')
        git('commit', '--quiet', '--message=links')
        return { named: `file://${repository}#main${folder === ':' ? '' : folder}` }
      },
    }),
  ),
]

const IDENTITY = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']

const TEXTS: readonly Refused[] = [
  {
    name: 'a .dockerignore that is a pipe of the machine',
    dockerfile: 'FROM busybox\nCOPY x /\n',
    files: (out) => ({ '.dockerignore': { link: `${out}/pipe` } }),
    said: /Cannot read "[^"]*": it is not a regular file/,
  },
  {
    name: 'a .dockerignore that never ends',
    dockerfile: 'FROM busybox\nCOPY x /\n',
    files: () => ({ '.dockerignore': { link: '/dev/zero' } }),
    said: /Cannot read "[^"]*": it is not a regular file/,
  },
  {
    name: 'a Dockerfile.dockerignore that never ends',
    dockerfile: 'FROM busybox\nCOPY x /\n',
    files: () => ({ 'Dockerfile.dockerignore': { link: '/dev/zero' } }),
    said: /Cannot read "[^"]*": it is not a regular file/,
  },
]

/** What decides before a step runs is the same code for all; a few rows show that it is. */
const MODES: readonly Mode[] = ['native', 'rootless']

const ALL = [...ROWS, ...NAMED, ...TEXTS]

test.concurrent.each(
  ALL.flatMap((row) => (row.everywhere ? MODES : (['native'] as const)).map((mode) => ({ ...row, mode }))),
)('$name ($mode)', async ({ dockerfile, said, files, layers, contexts, mode, name }) => {
  const outside = join(folder, 'outside', mode, String(ALL.findIndex((row) => row.name === name)))
  mkdirSync(join(folder, 'outside', mode), { recursive: true })
  await makeCanary(outside, mode === 'rootless' ? statSync(join(folder, 'home')).uid : process.getuid!())
  const before = stateOf(outside)
  const more = Object.entries(contexts?.(outside) ?? {}).flatMap(([to, from]) => ['--build-context', `${to}=${from}`])
  const args = layers ? ['--build-context', `base=oci-layout://${imageOf(layers(outside), outside)}`] : more
  const all = { Dockerfile: dockerfile.replaceAll('@', outside), x: 'new\n', 's/d/f': 'new\n', ...files?.(outside) }
  const { code, stdout, stderr } = await sandbox.build(mode, all, args)
  expect(stateOf(outside)).toEqual(before)
  expect(stdout + stderr).not.toMatch(/SECRET$/m)
  if (said) expect([code, stderr]).toEqual([1, expect.stringMatching(said)])
  // Refused in words, or harmless; never a fault of the program
  else if (code !== 0) expect([code, stderr]).toEqual([code & 3, expect.stringMatching(/^error: Cannot /m)])
  expect(stderr).not.toMatch(/bug in xbuild/)
})

function imageOf(layers: readonly (readonly TarItem[])[], outside: string): string {
  const all = [[file('bin')], ...layers].map((items) => ({ tar: tar(items) }))
  return writeLayout(`${outside}-image`, all, OF_HERE)
}
