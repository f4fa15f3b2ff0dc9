import { expect, test } from 'vitest'
import { parseChmod } from '../../src/engine/worker/chmod.ts'

const octal = (mode: number) => mode.toString(8)

test.each([
  ['755', '644', '755', '755'],
  ['0600', '755', '600', '600'],
  ['4755', '644', '4755', '4755'],
  ['00755', '0', '755', '755'],
  ['0000644', '0', '644', '644'],
  ['0', '777', '0', '0'],
  ['u=rwX,go=rX', '600', '644', '755'],
  ['u=rwX,go=rX', '700', '755', '755'],
  ['a+x', '644', '755', '755'],
  ['+x', '600', '711', '711'],
  ['go-rwx', '777', '700', '700'],
  ['u+s', '755', '4755', '4755'],
  ['g+s', '755', '2755', '2755'],
  ['+t', '777', '1777', '1777'],
  ['u=,g=,o=', '777', '0', '0'],
  ['u=rw', '4755', '655', '655'],
  ['a=r', '777', '444', '444'],
  ['a-x,a+X', '755', '755', '755'],
  ['a-x,a+X', '644', '644', '755'],
  ['u-x+X', '700', '700', '700'],
  ['ug=rw,o=r', '777', '664', '664'],
  ['u+r-w', '200', '400', '400'],
  ['g=u', '750', '770', '770'],
  ['o=g,u+x', '640', '744', '744'],
  ['u=g', '4750', '4550', '4550'],
  ['go-u', '777', '700', '700'],
  // Oddities that BuildKit has of BSD
  ['u=gr', '470', '470', '470'],
  ['u+ug', '170', '770', '770'],
  ['a+x,a-X', '644', '644', '644'],
  ['o+t', '777', '777', '777'],
  ['+rt', '200', '1200', '1200'],
])('%s of %s is %s for a file, %s for a folder', (text, before, file, folder) => {
  const chmod = parseChmod(text)
  expect(octal(chmod(Number.parseInt(before, 8), false))).toBe(file)
  expect(octal(chmod(Number.parseInt(before, 8), true))).toBe(folder)
})

test.each(['', '8', '78', '10000', '-1', '0x7', 'rwx', 'u=q', 'u', 'u=rwx,', ',', 'u:rwx', ' 755', 'a+x extra'])(
  '%j is refused',
  (text) => {
    expect(() => parseChmod(text)).toThrow(
      expect.objectContaining({
        code: 'BAD_DOCKERFILE',
        message: `Cannot use --chmod "${text}": neither an octal number up to 7777 nor a symbolic mode`,
      }),
    )
  },
)
