import { expect, test } from 'vitest'
import { BUILDAH_FLAGS } from '../../src/config/flags-of-others.ts'
import { execa } from 'execa'

test.each(['buildah', 'podman'])('each flag of %s build has an entry', async (program) => {
  const { stdout } = await execa(program, ['build', '--help'])
  const names = [...stdout.matchAll(/^ +(?:-\w, )?--([a-z][\w-]*)/gm)].map(([, name]) => name!)
  expect(names.length).toBeGreaterThan(60)
  expect(names.filter((name) => name !== 'help' && !Object.hasOwn(BUILDAH_FLAGS, name))).toEqual([])
})
