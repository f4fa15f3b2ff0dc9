import { describe, expect, test } from 'vitest'
import { digestAlgorithm, digestHex, digestVerifier, parseDigest, sha256 } from '../../src/oci/digest.ts'

const HELLO = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'
const HELLO_512 =
  'sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043'

describe('parseDigest', () => {
  test.each([HELLO, HELLO_512])('accepts %s', (text) => {
    expect(parseDigest(text)).toBe(text)
  })

  test.each([
    ['', 'neither'],
    ['sha256', 'neither'],
    ['md5:5d41402abc4b2a76b9719d911017c592', 'neither'],
    ['constructor:00', 'neither'],
    ['sha256:abc', '64 lower-case hex digits'],
    [HELLO.toUpperCase().replace('SHA', 'sha'), '64 lower-case hex digits'],
    [`${HELLO}\n`, '64 lower-case hex digits'],
    [`${HELLO}/../../etc`, '64 lower-case hex digits'],
    [HELLO.replace('sha256', 'sha512'), '128 lower-case hex digits'],
    [`sha256:${'g'.repeat(64)}`, '64 lower-case hex digits'],
  ])('refuses %j', (text, state) => {
    expect(() => parseDigest(text)).toThrow(
      expect.objectContaining({ code: 'BAD_REFERENCE', message: expect.stringContaining(state) }),
    )
  })

  test('keeps a huge text out of its message', () => {
    expect(() => parseDigest(`sha256:${'a'.repeat(1e6)}`)).toThrow(/^.{0,300}$/s)
  })
})

test('sha256 of text and of bytes', () => {
  expect(sha256('hello')).toBe(HELLO)
  expect(sha256(Buffer.from('hello'))).toBe(HELLO)
})

test('the two halves of a digest', () => {
  expect(digestAlgorithm(parseDigest(HELLO))).toBe('sha256')
  expect(digestHex(parseDigest(HELLO))).toBe(HELLO.slice(7))
})

describe('digestVerifier', () => {
  test.each([
    [HELLO, ['hello'], true],
    [HELLO, ['he', 'l', '', 'lo'], true],
    [HELLO_512, ['hel', 'lo'], true],
    [HELLO, ['hello!'], false],
    [HELLO, [], false],
  ])('%s of %j: %s', (digest, chunks, ok) => {
    const verifier = digestVerifier(parseDigest(digest))
    for (const chunk of chunks) verifier.update(Buffer.from(chunk))
    expect(verifier.ok()).toBe(ok)
  })

  test('refuses an algorithm it does not know', () => {
    expect(() => digestVerifier('md5:00')).toThrow('neither')
  })
})
