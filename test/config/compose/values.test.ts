import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readComposeProject } from '../../../src/config/compose/project.ts'
import { toXbuildError } from '../../../src/errors.ts'

const lines = readFileSync(join(import.meta.dirname, 'values.txt'), 'utf8')
  .split('\n')
  .filter((line) => /^[-+] /.test(line))

/** What is wrong with a file; nothing when it can be built. */
function problemOf(text: string): string | undefined {
  const input = {
    files: [{ path: '/srv/project/compose.yaml', text }],
    folder: '/srv/project',
    env: {},
    home: '/home/user',
    read: () => undefined,
    show: (path: string) => path.slice('/srv/project/'.length),
  }
  try {
    readComposeProject(input, { services: [], profiles: [], withDependencies: false })
    return undefined
  } catch (thrown) {
    return toXbuildError(thrown).message
  }
}

test('odd values of keys are taken and refused as by docker compose', () => {
  const others = lines.filter((line) => {
    const text = line.slice(2).replaceAll('\\n', '\n').replaceAll('\\r', '\r').replaceAll('\\t', '\t')
    return (problemOf(text) === undefined) !== line.startsWith('+')
  })
  expect(others).toEqual([])
  expect(lines.length).toBeGreaterThan(400)
})

test.each([
  ['services: {a: {build: ., deploy: {replicas: "two"}}}', '"two", and it must be a whole number'],
  ['services: {a: {build: ., mem_limit: lots}}', '"lots", and it must be a size such as 128m or 1gb'],
  ['services: {a: {build: ., ulimits: {core: ""}}}', '"", and it must be a whole number'],
  ['services: {a: {build: ., container_name: web, scale: 2}}', 'container_name is the name of one container'],
  ['# nothing', 'Cannot use the compose file: it is empty'],
  ['services: {a: {build: {context: ., args: {A: 2001-01-01}}}}', '"2001-01-01", which is a date'],
  ['services: {a: {build: {context: ., args: {1: x}}}}', 'a key is not a string'],
])('%s: %s', (text, problem) => expect(problemOf(text)).toContain(problem))
