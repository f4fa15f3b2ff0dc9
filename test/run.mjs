#!/usr/bin/env node
// `npm test` on any clone: brings what the tests need, checks types, lint and format, runs the unit tests,
// the integration tests, the sandbox tests and the end-to-end tests, and ends with the sum of all.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildProgram, checkNode, installDependencies } from '../examples/setup/checkout.mjs'
import { root } from '../examples/setup/places.mjs'
import { run, Stop } from '../examples/setup/process.mjs'
import { installPrograms, neededToBuild, neededToTest } from '../examples/setup/programs.mjs'
import { checkUser } from '../examples/setup/user.mjs'

const sum = { passed: 0, failed: 0, skipped: 0 }
try {
  checkNode()
  await installDependencies()
  await installPrograms([...neededToBuild(), ...neededToTest()])
  await import('../src/driver/buildkit/proto/generate.mjs')
  // Each is the compiler for the most part, which takes one processor
  await Promise.all([check(), buildProgram({ handler: true })])
  await checkUser()
  add(await runProjects('unit'))
  add(await runProjects('integration'))
  add(await runProjects('sandbox', 'e2e'))
} catch (error) {
  console.error(error instanceof Stop ? `error: ${error.message}` : error)
  sum.failed += 1
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
process.exitCode = sum.failed === 0 ? 0 : 1

/** Types, lint and format; counts as one test. */
async function check() {
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'check'], { cwd: root })
  console.log(`\n== types, lint and format\n${stdout}${stderr}`)
  add({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 })
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
    return count(report, code)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function count(report, code) {
  let results
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const statuses = results.flatMap((file) => file.assertionResults.map((test) => test.status))
  const passed = statuses.filter((status) => status === 'passed').length
  const failed = statuses.filter((status) => status === 'failed').length
  const broken = results.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  const silent = code !== 0 && failed + broken === 0 ? 1 : 0
  return { passed, failed: failed + broken + silent, skipped: statuses.length - passed - failed }
}

function add(counts) {
  for (const key of Object.keys(sum)) sum[key] += counts[key]
}
