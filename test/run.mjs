#!/usr/bin/env node
// `npm test` on any clone: brings what the tests need, checks types, lint and format, runs the unit tests,
// the integration tests, the sandbox tests and the end-to-end tests, and ends with the sum of all.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { buildProgram, checkNode, installDependencies } from '../examples/setup/checkout.mjs'
import { root } from '../examples/setup/places.mjs'
import { run, Stop } from '../examples/setup/process.mjs'
import { installPrograms, neededToBuild, neededToTest } from '../examples/setup/programs.mjs'
import { checkUser } from '../examples/setup/user.mjs'

const sum = { passed: 0, failed: 0, skipped: 0 }
/** What failed, told once more at the end: of a long log often only the end is kept. */
const failures = []
try {
  checkNode()
  await installDependencies()
  await installPrograms([...neededToBuild(), ...neededToTest()])
  await import('../src/driver/buildkit/proto/generate.mjs')
  // Each is the compiler for the most part, which takes one processor
  await Promise.all([check(), buildProgram({ handler: true })])
  await checkUser()
  await runProjects('unit')
  await runProjects('integration')
  await runProjects('sandbox', 'e2e')
} catch (error) {
  console.error(error instanceof Stop ? `error: ${error.message}` : error)
  failed('run', error instanceof Stop ? error.message : String(error))
}
for (const { name, why } of failures) console.log(`\nfailed: ${name}\n${stripVTControlCharacters(why).trim()}`)
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
process.exitCode = sum.failed === 0 ? 0 : 1

/** Types, lint and format; counts as one test. */
async function check() {
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'check'], { cwd: root })
  console.log(`\n== types, lint and format\n${stdout}${stderr}`)
  if (code === 0) sum.passed += 1
  else failed('types, lint and format', `${stdout}${stderr}`)
}

/**
 * Runs vitest projects at a time and counts their tests; a file that broke before its tests, or a vitest that broke,
 * counts as one failure.
 */
async function runProjects(...projects) {
  console.log(`\n== ${projects.join(' and ')} tests`)
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-test-'))
  try {
    const report = join(folder, 'report.json')
    const chosen = projects.flatMap((project) => ['--project', project])
    const args = ['run', ...chosen, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const program = join(root, 'node_modules/vitest/vitest.mjs')
    const { code } = await run(process.execPath, [program, ...args, ...process.argv.slice(2)], {
      cwd: root,
      show: true,
    })
    const before = failures.length
    count(report)
    if (code !== 0 && failures.length === before) failed(projects.join(' and '), `vitest ended with ${code}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function count(report) {
  let files
  try {
    files = JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch {
    return failed(report, 'vitest wrote no report')
  }
  for (const { name: path, status, message, assertionResults: tests } of files) {
    const file = relative(root, path)
    for (const test of tests) {
      if (test.status === 'passed') sum.passed += 1
      else if (test.status === 'failed') failed(`${file}: ${test.fullName}`, test.failureMessages.join('\n'))
      else sum.skipped += 1
    }
    if (status === 'failed' && !tests.some((test) => test.status === 'failed')) failed(file, message)
  }
}

function failed(name, why) {
  sum.failed += 1
  failures.push({ name, why: why.slice(0, 3000) })
}
