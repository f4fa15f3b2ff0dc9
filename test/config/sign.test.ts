import { expect, test } from 'vitest'
import { parseSign } from '../../src/config/sign.ts'

test.each([
  ['key=cosign.key', { by: 'key', key: 'cosign.key' }],
  ['key=env://KEY', { by: 'key', key: 'env://KEY' }],
  ['cosign', { by: 'cosign', tlog: true }],
  ['cosign,key=awskms://k', { by: 'cosign', key: 'awskms://k', tlog: true }],
  ['cosign,key=k,tlog=false', { by: 'cosign', key: 'k', tlog: false }],
  ['false', false],
])('--sign %s', (text, signed) => {
  expect(parseSign(text, '--sign')).toEqual(signed)
})

test.each([
  ['keyless', /no keyless signing/],
  ['key=', /no key is named/],
  ['key=k,tlog=false', /"tlog" is unknown/],
  ['cosign,tlog=false', /without a key needs the log/],
  ['cosign,key=k,tlog=perhaps', /neither true nor false/],
  ['cosign,color=red', /"color" is unknown/],
])('--sign %s is an error', (text, message) => {
  expect(() => parseSign(text, '--sign')).toThrow(message)
})
