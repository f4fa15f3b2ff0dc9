import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
let bases: string[]
let count = 0

beforeAll(async () => {
  bases = await withBases('busybox')
})

const MANY = 50_000
const B = 'FROM busybox\n'
const bytes = (...parts: readonly (string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))

/** Dockerfiles that nobody writes by mistake; the number is the line of the error, none: it builds. */
const ROWS: readonly (readonly [what: string, text: string | Buffer, line?: number | 'any'])[] = [
  ['no instruction', '', 'any'],
  ['comments alone', '# a\n# b\n', 'any'],
  ['a directive alone', '# escape=`\n', 'any'],
  ['an escape of two characters', `# escape=ab\n${B}`, 1],
  ['the same directive twice', `# escape=\\\n# escape=\`\n${B}`, 2],
  ['a frontend of nowhere', `# syntax=../../../etc/passwd\n${B}`, 'any'],
  ['a NUL in an instruction', bytes(B, 'RUN echo a', [0], 'b\n'), 2],
  ['a NUL in a name', bytes(B, 'COPY a', [0], ' /b\n'), 2],
  ['a NUL in a variable', bytes(B, 'ENV a=b', [0], 'c\nRUN true\n'), 3],
  ['bytes that are no UTF-8', bytes(B, 'LABEL a=', [0xff, 0xfe, 0xc0, 0x80], '\n')],
  ['UTF-16', Buffer.from(`\ufeff${B}`, 'utf16le'), 1],
  ['a mark of bytes and carriage returns', `\ufeff${B.replace('\n', '\r\n')}RUN true\r\n`],
  ['a line of a million characters', `${B}ENV a=${'x'.repeat(1_000_000)}\n`],
  ['a long command', `${B}RUN : ${'x'.repeat(200_000)}\n`, 2],
  ['many instructions', B + 'ENV a=b\n'.repeat(5000)],
  ['a stage from itself', 'FROM a AS a\n', 1],
  ['stages in a circle', 'FROM b AS a\nFROM a AS b\n', 1],
  ['a stage of a later number', `${B}COPY --from=1 / /\n${B}`],
  ['a stage of a huge number', `${B}COPY --from=99999999999999999999 / /\n`, 2],
  ['a negative stage', `${B}COPY --from=-1 / /\n`, 2],
  ['a platform of nothing', 'FROM --platform= busybox\n', 'any'],
  ['a platform of slashes', 'FROM --platform=/////// busybox\n', 1],
  ['a platform that is itself', 'ARG P=$P\nFROM --platform=$P busybox\n', 'any'],
  ['an image of dots', 'FROM ../../../../etc/passwd\n', 1],
  ['an image named like an option', 'FROM --help\n', 1],
  ['arguments that are themselves', `${B}ARG a=$b\nARG b=$a\nARG a=$b$a\nRUN test -z "$a$b"\n`],
  ['arguments that double', `${B}ENV a=xxxxxxxxxxxxxxxx\n${'ENV a=$a$a\n'.repeat(40)}`, 'any'],
  ['nested defaults', `${B}ENV a=${'${b:-'.repeat(500)}x${'}'.repeat(500)}\nRUN test "$a" = x\n`, 'any'],
  ['defaults nested without an end', `${B}ENV a=${'${a:-'.repeat(MANY)}\n`, 2],
  ['a pattern of many stars', `${B}ENV a=${'a'.repeat(5000)}\nENV b=\${a##${'*a'.repeat(500)}b}\n`],
  ['a variable that must be there', `${B}ENV a=\${b:?it is not}\n`, 2],
  ['a heredoc without an end', `${B}RUN <<E\necho\n`, 'any'],
  ['a heredoc that ends another', `${B}COPY <<a <<b /m/\n<<b\na\nb\na\nb\n`, 'any'],
  ['a heredoc named outwards', `${B}COPY <<../../../../etc/x /m/\nx\n../../../../etc/x\n`, 'any'],
  ['a heredoc of an empty name', `${B}RUN <<""\necho\n\n`, 'any'],
  [
    'a thousand heredocs',
    `${B}COPY ${Array.from({ length: 1000 }, (_, n) => `<<e${n}`).join(' ')} /m/\n${Array.from({ length: 1000 }, (_, n) => `e${n}\n`).join('')}`,
  ],
  ['triggers of triggers', `${B}ONBUILD ONBUILD RUN true\n`, 2],
  ['a trigger of FROM', `${B}ONBUILD FROM busybox\n`, 2],
  ['a trigger that asks for a stage', `${B}ONBUILD COPY --from=9 / /\n`],
  ['a copy of dots', `${B}COPY ../../../../etc/passwd /\n`, 2],
  ['a copy to dots', `${B}COPY Dockerfile ${'../'.repeat(2000)}x\nRUN test -f /x\n`],
  ['a name that is too long', `${B}WORKDIR /${'d'.repeat(256)}\n`, 2],
  ['a wildcard of many stars', `${B}COPY ${'*'.repeat(MANY)}x /\n`],
  ['a bracket without an end', `${B}COPY [a- /m/\n`, 2],
  ['a mode of many digits', `${B}COPY --chmod=${'7'.repeat(100)} Dockerfile /\n`, 2],
  ['an owner of many digits', `${B}COPY --chown=99999999999:0 Dockerfile /\n`, 2],
  ['a user of many digits', `${B}USER 4294967296\nRUN true\n`, 'any'],
  ['ports of all kinds', `${B}EXPOSE 1-65535/tcp 0 99999\n`, 2],
  ['ports in words', `${B}EXPOSE -1 1e9 0x10\n`, 2],
  ['a time without an end', `${B}HEALTHCHECK --interval=999999999999h CMD true\n`, 2],
  ['a signal of nowhere', `${B}STOPSIGNAL ${'9'.repeat(50)}\n`, 'any'],
  ['a mount on everything', `${B}RUN --mount=type=tmpfs,target=/ true\n`, 2],
  ['a mount of a size beyond all', `${B}RUN --mount=type=tmpfs,target=/m,size=99999999999999g true\n`, 2],
  [
    'a hundred mounts',
    `${B}RUN ${Array.from({ length: 100 }, (_, n) => `--mount=type=tmpfs,target=/m${n}`).join(' ')} true\n`,
  ],
  ['a shell of nothing', `${B}SHELL []\nRUN true\n`, 'any'],
  ['JSON of something else', `${B}CMD ["a", {"__proto__": 1}]\n`, 2],
  ['labels of the prototype', `${B}LABEL __proto__=a constructor=b\nENV __proto__=c\n`],
  [
    'names of the prototype',
    'FROM busybox AS constructor\nFROM constructor AS __proto__\nARG toString\nFROM __proto__\nRUN true\n',
    'any',
  ],
  ['an unknown instruction of controls', bytes(B, [27], ']0;x', [7], 'RUN x\n'), 2],
]

test.concurrent.each(ROWS)('a Dockerfile with %s builds, or is refused with its line', async (_, text, line) => {
  count += 1
  const context = writeFiles(join(folder, `c${count}`), { Dockerfile: text as string | Buffer })
  const args = ['--network', 'none', '--progress', 'plain', '-o', 'type=cacheonly', ...bases, context]
  const { code, stderr, stdout } = await xbuild(args, { store })
  expect(stderr + stdout).not.toMatch(/^\s+at \S+ \(?.*js:\d+|bug in xbuild|Maximum call stack|heap/m)
  expect(stderr).not.toMatch(/[\u0000\u0007\u001b]/)
  if (line === undefined) return expect(code, stderr.slice(-2000)).toBe(0)
  if (line === 'any' && code === 0) return
  expect(stderr.slice(-5000)).toMatch(/^error: /m)
  expect([1, 2]).toContain(code)
  if (typeof line === 'number') expect(stderr).toMatch(new RegExp(`Dockerfile:${line}\\b`))
})
