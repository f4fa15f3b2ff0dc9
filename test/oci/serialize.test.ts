import fc from 'fast-check'
import { expect, test } from 'vitest'
import { serialize } from '../../src/oci/serialize.ts'

test('fields stand in the order of the image-spec, maps are sorted, absent fields are left out', () => {
  const value = {
    annotations: { b: '2', a: '1' },
    layers: [],
    config: { size: 3, urls: undefined, mediaType: 't', digest: 'd' },
    mediaType: 'm',
    schemaVersion: 2,
  }
  expect(serialize(value).toString()).toBe(
    '{"schemaVersion":2,"mediaType":"m","config":{"mediaType":"t","digest":"d","size":3},"layers":[],"annotations":{"a":"1","b":"2"}}',
  )
})

test('the order in which a value was put together does not show', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (value) => {
      const backwards = Object.fromEntries(Object.entries(value).reverse())
      expect(serialize(backwards)).toEqual(serialize(value))
    }),
  )
})

test('what was written can be read back', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(serialize(value).toString())).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('a label named __proto__ stays a label', () => {
  const value = JSON.parse('{"Labels":{"__proto__":"x","a":"b"}}')
  expect(serialize(value).toString()).toBe('{"Labels":{"__proto__":"x","a":"b"}}')
})
