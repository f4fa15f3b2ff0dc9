import { expect, test } from 'vitest'
import { annotationsFor, checkAnnotations, parseAnnotation } from '../../src/oci/annotation.ts'
import { parsePlatform } from '../../src/platform.ts'

const arm64 = parsePlatform('linux/arm64')
const amd64 = parsePlatform('linux/amd64')

test.each([
  ['a=b', { levels: ['manifest'], key: 'a', value: 'b' }],
  ['org.example.url=http://x:1/?a=b', { levels: ['manifest'], key: 'org.example.url', value: 'http://x:1/?a=b' }],
  ['index:a=', { levels: ['index'], key: 'a', value: '' }],
  ['index,manifest:a=b', { levels: ['index', 'manifest'], key: 'a', value: 'b' }],
  ['manifest[linux/aarch64]:a=b', { levels: ['manifest'], key: 'a', value: 'b', platform: arm64 }],
  ['index[linux/arm64]:a=b', { levels: ['index'], key: 'a', value: 'b' }],
  ['manifest[linux/arm64],index:a=b', { levels: ['manifest', 'index'], key: 'a', value: 'b', platform: arm64 }],
  ['manifest-descriptor[linux/arm64]:a=b', { levels: ['manifest-descriptor'], key: 'a', value: 'b', platform: arm64 }],
])('%s', (text, expected) => {
  expect(parseAnnotation(text)).toEqual(expected)
})

test.each([
  ['a', /it has no "="/],
  ['=b', /the key is empty/],
  ['layer:a=b', /unknown level "layer"/],
  ['manifest[plan9]:a=b', /"plan9" is not a platform/],
  ['index[plan9]:a=b', /"plan9" is not a platform/],
  ['manifest[linux/arm64],manifest-descriptor[linux/amd64]:a=b', /it has two platforms/],
])('%s is refused', (text, message) => {
  expect(() => parseAnnotation(text)).toThrow(message)
})

test('the last of equal keys wins, and only where it belongs', () => {
  const all = ['a=1', 'manifest[linux/arm64]:a=2', 'index:b=3'].map(parseAnnotation)
  expect(annotationsFor(all, 'manifest', amd64)).toEqual({ a: '1' })
  expect(annotationsFor(all, 'manifest', arm64)).toEqual({ a: '2' })
  expect(annotationsFor(all, 'index')).toEqual({ b: '3' })
})

test('annotations that would go nowhere are refused', () => {
  expect(() => checkAnnotations([parseAnnotation('index:a=b')], [amd64])).toThrow(/has no index/)
  expect(() => checkAnnotations([parseAnnotation('manifest[linux/arm64]:a=b')], [amd64])).toThrow(
    /"linux\/arm64" with "a": it is not built/,
  )
  expect(() =>
    checkAnnotations(['index:a=b', 'manifest[linux/arm64]:a=b'].map(parseAnnotation), [amd64, arm64]),
  ).not.toThrow()
})
