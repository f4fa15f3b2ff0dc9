import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandBlocks, type DocBlock } from '../support/doc-blocks.ts'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { program, root, tempFolder } from './support/places.ts'
import { run, xbuild } from './support/xbuild.ts'

// What a reader of the pages has: the clone, a project, a registry, settings of his own, and xbuild on PATH
const folder = tempFolder()
const clone = join(folder, 'clone')
const project = join(folder, 'project')
const home = join(folder, 'home')
let registry: TestRegistry

const BLOCKS = commandBlocks().filter(({ notRun }) => notRun === undefined)

beforeAll(async () => {
  registry = await startTestRegistry()
  const layout = await baseLayout('busybox')
  mkdirSync(clone)
  cpSync(join(root, 'examples'), join(clone, 'examples'), { recursive: true })
  symlinkSync(layout, join(folder, 'base-image'))
  symlinkSync(layout, join(clone, 'examples/base-image'))
  writeFiles(join(folder, 'bin'), {})
  writeFileSync(join(folder, 'bin/xbuild'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`, { mode: 0o755 })
  // A small image takes the place of all base images of the examples
  const context = writeFiles(join(folder, 'base'), { Dockerfile: 'FROM base\n' })
  const names = ['busybox', 'gcc'].flatMap((name) => ['--tag', `${registry.host}/library/${name}`])
  const platforms = ['--platform', 'linux/amd64,linux/arm64', '--build-context', `base=oci-layout://${layout}`]
  const pushed = await xbuild([...platforms, ...names, '--push', context], { store: join(folder, 'store') })
  expect(pushed.code, pushed.stderr).toBe(0)
  writeFiles(home, {
    '.config/xbuild/config.yaml': `registries: {docker.io: {mirrors: ["${registry.host}"]}}\n`,
  })
  writeFiles(join(folder, 'settings'), { 'xbuild.yaml': 'network: host\n' })
  writeFiles(project, {
    Dockerfile: 'FROM busybox\nCOPY text /text\n',
    text: 'text\n',
    'docker-bake.hcl': `variable "VERSION" { default = "1" }
group "default" { targets = ["web", "api-one"] }
target "web" {
  tags = ["example/web:\${VERSION}"]
}
target "api-one" {
  tags = ["example/api:\${VERSION}"]
}
`,
  })
  const service = (name: string) => `  ${name}: {image: registry.example/${name}, build: .}\n`
  writeFiles(join(folder, 'services'), {
    Dockerfile: 'FROM busybox\nCOPY text /text\n',
    text: 'text\n',
    'compose.yaml': `services:\n${service('web')}${service('api')}`.replaceAll('registry.example', registry.host),
    'compose.prod.yaml': 'services:\n  tool: {profiles: [tools], build: .}\n',
  })
})

afterAll(() => registry.stop())

/** Pages are about the examples in the clone, compose files, settings, or the project of the reader. */
function placeOf({ page, lines, language }: DocBlock): string {
  if (page === 'docs/compose.md') return join(folder, 'services')
  if (page === 'docs/configuration.md') return join(folder, 'settings')
  return language === 'console' || lines[0]!.startsWith('cd examples') ? clone : project
}

/** Digests, the features of the CPU, and versions of QEMU with the columns that depend on them differ between machines. */
function comparable(text: string): string {
  return text
    .replace(/sha256:[0-9a-f]{64}/g, 'sha256:DIGEST')
    .replace(/\d+(\.\d+)+/g, 'VERSION')
    .replace(/its CPU runs .*/g, 'its CPU runs PLATFORMS')
    .replace(/ +/g, ' ')
    .trim()
}

async function shell(text: string, cwd: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return run('sh', ['-ec', text.replaceAll('registry.example', registry.host)], {
    cwd,
    store: join(folder, 'store'),
    env: {
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_DATA_HOME: join(home, 'data'),
      DOCKER_CONFIG: join(home, '.docker'),
      PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    },
  })
}

test('nearly all pages have commands that run here', () => {
  expect(new Set(BLOCKS.map(({ page }) => page)).size).toBeGreaterThanOrEqual(8)
})

test.each(BLOCKS.map((block) => [`${block.page}:${block.line}`, block] as const))('%s', async (_, block) => {
  const cwd = placeOf(block)
  if (block.language === 'sh') {
    const { code, stderr } = await shell(block.lines.join('\n'), cwd)
    expect(code, stderr).toBe(0)
    return
  }
  const commands = block.lines.join('\n').split(/^\$ /m).slice(1)
  expect(commands.length).toBeGreaterThan(0)
  for (const text of commands) {
    const [command, ...output] = text.split('\n')
    const { code, stdout, stderr } = await shell(command!, cwd)
    expect(code, stderr).toBe(0)
    expect(comparable(stdout)).toBe(comparable(output.join('\n')))
  }
})
