import { expect, test } from 'vitest'
import { tabTable } from '../../../src/config/bake/tab-table.ts'

// What docker buildx 0.29.1 wrote for these
test('columns are padded with tabs, and a cell may have tabs and lines of its own', () => {
  expect(
    tabTable([
      ['TARGET', 'DESCRIPTION'],
      ['api-service', ''],
      ['web', 'web'],
    ]),
  ).toBe('TARGET\t\tDESCRIPTION\napi-service\t\nweb\t\tweb\n')
  const head = ['VARIABLE', 'TYPE', 'VALUE', 'DESCRIPTION']
  expect(tabTable([head, ['A_LONG_NAME', 'number', '-0', ''], ['NUL', '', '<null>', '']])).toBe(
    'VARIABLE\tTYPE\tVALUE\tDESCRIPTION\nA_LONG_NAME\tnumber\t-0\t\nNUL\t\t\t<null>\t\n',
  )
})
