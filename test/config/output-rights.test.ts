import { expect, test } from 'vitest'
import { settingsOf } from '../../src/config/images/settings.ts'
import { writesOutput } from '../../src/config/project-rules.ts'

const claimsOf = (text: string) => (writesOutput === 'free' ? [] : writesOutput(text))
const at = { file: 'compose.yaml', line: 1 }

test('a file of the project cannot make the registries of a push insecure', () => {
  expect(claimsOf('type=image,name=r.example/a')).toEqual([])
  expect(claimsOf('type=image,name=r.example/a,registry.insecure=true')).toEqual([
    { kind: 'user', why: 'it lets registries have any certificate' },
  ])
})

test('the right to push is asked for each name that an output has', () => {
  const output = [{ value: 'type=registry,"name=r.example/a,r.example/b:1"', at }]
  const rightsOf = (tags?: readonly string[]) =>
    settingsOf({ name: 'x', output, ...(tags ? { tags: tags.map((value) => ({ value })) } : {}) }, {}).flatMap(
      ({ key, right }) => (key === 'output' ? [right] : []),
    )
  expect(rightsOf()).toEqual(['image.push=r.example/a', 'image.push=r.example/b:1'])
  // They take the place of the output's own
  expect(rightsOf(['r.example/c'])).toEqual(['image.push=r.example/c'])
})
