import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { loadProfile, unloadProfile } from '../../src/action/apparmor.ts'
import { userNamespaceProfile } from '../../src/emulation/apparmor.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Programs that stand in for those of a machine with AppArmor; each writes down its call and the profile it was given. */
function machine(status = 0) {
  const folder = tempFolder()
  const calls = join(folder, 'calls')
  writeFileSync(join(folder, 'sudo'), '#!/bin/sh\nshift; exec "$@"\n')
  writeFileSync(
    join(folder, 'apparmor_parser'),
    `#!/bin/sh\necho "$@" >>"${calls}"; for last; do :; done; cat "$last" >>"${calls}"; echo refused >&2; exit ${status}\n`,
  )
  for (const name of ['sudo', 'apparmor_parser']) chmodSync(join(folder, name), 0o755)
  const env = { PATH: `${folder}${delimiter}${process.env['PATH']}`, RUNNER_TEMP: folder }
  return { env, calls: () => readFileSync(calls, 'utf8') }
}

test('a Node of the step alone gets the profile, which the post step removes', async () => {
  const { env, calls } = machine()
  const { node, folder } = await loadProfile(env)
  expect(statSync(node).size).toBe(statSync(process.execPath).size)
  expect(node).not.toBe(process.execPath)
  expect(calls()).toContain(`--skip-cache --replace ${folder}/profile\nabi <abi/4.0>`)
  expect(calls()).toContain(`"${node}" flags=(unconfined) {\n  userns,\n}`)
  expect(await unloadProfile(folder, env)).toBe(true)
  expect(calls()).toContain(`--remove ${folder}/profile\nabi`)
  expect(existsSync(folder)).toBe(false)
})

test('a profile that is refused is an error, and nothing is left', async () => {
  const { env } = machine(1)
  await expect(loadProfile(env)).rejects.toThrow('Cannot load an AppArmor profile: refused')
})

test('the post step removes nothing that another step names', async () => {
  const { env } = machine()
  const other = tempFolder()
  expect(await unloadProfile(other, env)).toBe(true)
  expect(existsSync(other)).toBe(true)
})

test('what patterns mean in a path is taken as it is', () => {
  expect(userNamespaceProfile('x', '/a [1]/b*{c}')).toContain('"/a \\[1\\]/b\\*\\{c\\}"')
})

test.each(['relative', '/a"b', '/a\nb', '/a@{HOME}'])('%j can be in no profile', (path) => {
  expect(() => userNamespaceProfile('x', path)).toThrow(/the path cannot be in one/)
})
