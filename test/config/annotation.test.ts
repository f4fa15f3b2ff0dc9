import { expect, test } from 'vitest'
import { parseAnnotation } from '../../src/config/annotation.ts'
import { parsePlatform } from '../../src/platform.ts'

const arm64 = parsePlatform('linux/arm64')

test.each([
  ['a=b', { targets: [{ place: 'manifest' }], key: 'a', value: 'b' }],
  ['a=b=c:d', { targets: [{ place: 'manifest' }], key: 'a', value: 'b=c:d' }],
  ['a=', { targets: [{ place: 'manifest' }], key: 'a', value: '' }],
  ['index:a=b', { targets: [{ place: 'index' }], key: 'a', value: 'b' }],
  ['index,manifest-descriptor[linux/arm64]:a=b', { targets: [{ place: 'index' }, { place: 'manifest-descriptor', platform: arm64 }], key: 'a', value: 'b' }],
])('%s', (text, annotation) => {
  expect(parseAnnotation(text)).toEqual(annotation)
})

test.each([
  ['a', /not \[type:\]key=value/],
  ['=b', /not \[type:\]key=value/],
  ['index:=b', /not \[type:\]key=value/],
  ['indx:a=b', /unknown type "indx"/],
  ['manifest[linux/nope]:a=b', /unknown architecture/],
])('%s is refused', (text, message) => {
  expect(() => parseAnnotation(text)).toThrow(message)
})
