import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findProgram } from '../../src/host/files.ts'
import { baseLayout } from '../e2e/support/examples.ts'
import { writeFiles } from '../e2e/support/context.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { xbuild } from '../e2e/support/xbuild.ts'
import { createSandbox, MODES } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/** One of the usual place, one of the lower half of the range, one of those elsewhere. */
const ADDRESSES = ['169.254.169.254', '169.254.42.42', '100.100.100.200']
const Dockerfile = `FROM busybox\nRUN for to in ${ADDRESSES.join(' ')}; do nc -w 2 $to 80 </dev/null 2>&1 | sed "s/^/$to: /"; done; echo tried\n`

test.each(MODES)('a %s step is refused the addresses at which clouds give away credentials', async (mode) => {
  const { code, stderr } = await sandbox.build(mode, { Dockerfile }, ['--network', 'private'])
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('tried')
  for (const address of ADDRESSES) expect(stderr).toMatch(new RegExp(`${address}: .*Permission denied`))
  expect(stderr).not.toContain('can reach metadata addresses')
})

test.each([
  ['fails', '#!/bin/sh\necho no rules here >&2\nexit 2\n', /ip failed: .*no rules here/],
  // As that of busybox, which has no -batch
  ['takes no batch', '#!/bin/sh\ncase "$*" in *-batch*) exit 1;; esac\nexec IP "$@"\n', undefined],
])('a program "ip" that %s', async (_, script, told) => {
  const bin = join(folder, told ? 'failing' : 'small')
  mkdirSync(bin)
  const real = await findProgram('ip')
  writeFileSync(join(bin, 'ip'), script.replace('IP', real ?? 'false'))
  chmodSync(join(bin, 'ip'), 0o755)
  const context = writeFiles(join(folder, `context-${told ? 1 : 2}`), { Dockerfile })
  const base = `busybox=oci-layout://${await baseLayout('busybox')}`
  const args = ['--progress', 'plain', '--no-cache', '--network', 'private', '--build-context', base, context]
  const env = { PATH: `${bin}:${process.env['PATH']}` }
  const { code, stderr } = await xbuild(args, { store: sandbox.store('native'), cwd: folder, env })
  expect(code, stderr).toBe(0)
  if (told) {
    expect(stderr).toMatch(told)
    expect(stderr.match(/can reach metadata addresses/g)).toHaveLength(1)
  } else {
    expect(stderr).not.toContain('can reach metadata addresses')
    expect(stderr).toMatch(/169\.254\.169\.254: .*Permission denied/)
  }
})
