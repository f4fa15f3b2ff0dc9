import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { COMMANDS } from '../src/cli/commands.ts'
import { blocksOf, commandBlocks, docPages, pageText } from './support/doc-blocks.ts'

const root = join(import.meta.dirname, '..')
const PAGES = [...docPages(), 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'examples/README.md', 'src/README.md']

/** What GitHub makes of the text of a heading. */
function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

/** A page without its blocks of code, in which a link is no link. */
function proseOf(page: string): string {
  return pageText(page).replace(/^```[^]*?^```$/gm, '')
}

function anchorsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!))
}

test.each(PAGES)('the links of %s lead to files and headings that exist', (page) => {
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)|<img [^>]*src="([^"]+)"/g)].map(([, a, b]) => (a ?? b)!)
  const broken = links.filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? join(root, page) : resolve(root, dirname(page), path)
    if (!existsSync(target)) return true
    return anchor !== undefined && !anchorsOf(relative(root, target)).includes(anchor)
  })
  expect(broken).toEqual([])
})

test('README stays short enough to be read', () => {
  expect(pageText('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(140)
})

describe('blocks of code', () => {
  const flagsOf = (name: string) => {
    const { flags, laterFlags = {} } = COMMANDS.find((command) => command.name === name)!
    const all = [...Object.values(flags), ...Object.values(laterFlags)] as { name: string; short?: string }[]
    return new Set([
      '--help',
      '-h',
      ...all.flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]),
    ])
  }
  const lines = commandBlocks().flatMap(({ page, line, lines }) =>
    lines.flatMap((text, index) =>
      /^(?:\$ )?(?:sudo |npx )*xbuild\b/.test(text) ? [[`${page}:${line + 1 + index}`, text] as const] : [],
    ),
  )

  test('are there', () => expect(lines.length).toBeGreaterThan(20))

  test.each(lines)('%s has only flags of its command: %s', (_, text) => {
    const words = text
      .replace(/^(\$ )?(sudo |npx )*xbuild\s*/, '')
      .replace(/\s+#.*$/, '')
      .split(/\s+/)
    const command = COMMANDS.find(({ name }) => name === words[0])?.name ?? 'build'
    const known = flagsOf(command)
    const unknown = words.map((word) => /^--?[a-z][\w-]*/.exec(word)?.[0]).filter((flag) => flag && !known.has(flag))
    expect(unknown).toEqual([])
  })

  test('and the text around them name no flag that no command has', () => {
    // Flags of docker that are refused with a hint, or mean parts of --resource
    const docker = ['--policy', '--memory', '--cpu-shares']
    const known = new Set([...docker, ...COMMANDS.flatMap(({ name }) => [...flagsOf(name)])])
    const unknown = docPages()
      .filter((page) => page !== 'docs/migrating.md') // which names the flags of other tools
      .flatMap((page) => {
        const texts = [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!)
        return texts
          .filter((code) => code.startsWith('--') || code.startsWith('xbuild '))
          .flatMap((code) => [...code.matchAll(/(?<=^| )--[a-z][\w-]+/g)].map(([flag]) => flag))
          .filter((flag) => !known.has(flag))
          .map((flag) => `${page}: ${flag}`)
      })
    expect(unknown).toEqual([])
  })

  test('of YAML can be read', () => {
    const yaml = docPages()
      .flatMap(blocksOf)
      .filter(({ language }) => language === 'yaml')
    expect(yaml.length).toBeGreaterThan(2)
    for (const { lines } of yaml) expect(parse(lines.join('\n'))).toBeTypeOf('object')
  })
})

test('the workflow of CI runs .ci/run on Debian and Ubuntu, on amd64 and arm64', () => {
  const { jobs } = parse(readFileSync(join(root, '.github/workflows/ci.yml'), 'utf8'))
  const entries: { name: string; runner: string; image?: string }[] = jobs.test.strategy.matrix.include
  const machines = entries.map(({ runner, image }) => [
    image === undefined ? 'ubuntu' : /bookworm|trixie/.test(image) ? 'debian' : image,
    runner.endsWith('-arm') ? 'arm64' : 'amd64',
  ])
  expect(machines.map((words) => words.join(' ')).toSorted()).toEqual([
    'debian amd64',
    'debian arm64',
    'ubuntu amd64',
    'ubuntu arm64',
  ])
  const { run } = jobs.test.steps.at(-1)
  expect(run).toMatch(/bash \.ci\/run$/)
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toMatch(/exec npm test$/m)
})
