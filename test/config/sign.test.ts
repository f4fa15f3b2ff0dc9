import { expect, test } from 'vitest'
import { parseSign } from '../../src/config/sign.ts'

test.each([
  ['key=cosign.key', { by: 'key', key: 'cosign.key' }],
  ['key=env://KEY', { by: 'key', key: 'env://KEY' }],
  ['cosign', { by: 'cosign', tlog: true }],
  ['cosign,key=awskms://k', { by: 'cosign', key: 'awskms://k', tlog: true }],
  ['cosign,key=k,tlog=false', { by: 'cosign', key: 'k', tlog: false }],
  ['keyless', { by: 'keyless' }],
  ['keyless,fulcio-url=https://f,rekor-url=http://r', { by: 'keyless', fulcioUrl: 'https://f', rekorUrl: 'http://r' }],
  [
    'keyless,timestamp-server-url=https://t/x,trusted-root=r.json',
    { by: 'keyless', timestampUrl: 'https://t/x', trustedRoot: 'r.json' },
  ],
  ['false', false],
])('--sign %s', (text, signed) => {
  expect(parseSign(text, '--sign')).toEqual(signed)
})

test.each([
  ['keyless,key=k', /"key" is unknown/],
  ['keyless,cosign', /more than one way/],
  ['keyless,fulcio-url=ftp://f', /"ftp:\/\/f" is no URL of http/],
  ['keyless,timestamp-server-url=https://t', /needs trusted-root/],
  ['keyless,signing-config=c.json,rekor-url=https://r', /names all services/],
  ['key=', /no key is named/],
  ['key=k,tlog=false', /"tlog" is unknown/],
  ['cosign,tlog=false', /without a key needs the log/],
  ['cosign,key=k,tlog=perhaps', /neither true nor false/],
  ['cosign,color=red', /"color" is unknown/],
])('--sign %s is an error', (text, message) => {
  expect(() => parseSign(text, '--sign')).toThrow(message)
})
