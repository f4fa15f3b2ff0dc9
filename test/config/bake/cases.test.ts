import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { XbuildError } from '../../../src/errors.ts'
import { readCases } from './cases.ts'
import { printCase } from './run-case.ts'

const golden: Readonly<Record<string, { readonly print?: Printed; readonly error?: true }>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'cases.golden.json'), 'utf8'),
)

interface Printed {
  readonly target: Readonly<Record<string, object>>
}

const cases = readCases()

test('every case has its golden result', () => {
  expect(cases.map(({ name }) => name)).toEqual(Object.keys(golden))
  expect(cases.length).toBeGreaterThan(60)
})

test.each(cases.map((each) => [each.name, each] as const))('%s', (name, each) => {
  const { print } = golden[name]!
  if (print) expect(printCase(each)).toEqual(print)
  else expect(failure(() => printCase(each))).toBeInstanceOf(XbuildError)
})

function failure(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
