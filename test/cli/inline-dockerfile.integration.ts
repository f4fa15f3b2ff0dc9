import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { runHere } from '../support/run-in-process.ts'

test.each([
  [
    'compose',
    ['compose', 'build'],
    'compose.yaml',
    'services:\n  web:\n    build:\n      context: .\n      dockerfile_inline: |\n        FROM scratch\n        COPPY a b\n',
    'compose.yaml:5, "web", inline Dockerfile:2',
  ],
  [
    'bake',
    ['bake', 'web'],
    'docker-bake.hcl',
    'target "web" {\n  dockerfile-inline = <<-EOT\n    FROM scratch\n    COPPY a b\n  EOT\n}\n',
    'docker-bake.hcl:2, "web", inline Dockerfile:2',
  ],
])(
  'a mistake in a Dockerfile within a file of %s is told at its own line',
  async (_, argv, name, text, place) => {
    const folder = mkdtempSync(join(tmpdir(), 'xbuild-inline-'))
    try {
      writeFiles(folder, { [name]: text })
      const { code, stderr } = await runHere(argv, { cwd: folder, env: { XBUILD_HOME: join(folder, 'store') } })
      expect(stderr).toContain('COPPY')
      expect(stderr).toContain(place)
      expect(code).not.toBe(0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  120_000,
)
