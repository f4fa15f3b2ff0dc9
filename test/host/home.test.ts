import { userInfo } from 'node:os'
import { expect, test } from 'vitest'
import { homeFolder } from '../../src/host/home.ts'
import { defaultStoreRoot } from '../../src/store/folder.ts'

test.each([{}, { HOME: '' }, { HOME: '.' }, { HOME: 'home' }])(
  'with %j the home is that of the list of users',
  (env) => {
    expect(homeFolder(env)).toBe(userInfo().homedir)
  },
)

test('HOME is the home', () => {
  expect(homeFolder({ HOME: '/srv/ci' })).toBe('/srv/ci')
})

test('a store is never in a folder of what is built', () => {
  expect(defaultStoreRoot({ HOME: '/home/x', XDG_DATA_HOME: 'data' }, 1000)).toBe('/home/x/.local/share/xbuild')
  expect(defaultStoreRoot({ HOME: '/home/x', XDG_DATA_HOME: '/data' }, 1000)).toBe('/data/xbuild')
})
