import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { familiarReference, formatReference, parseReference } from '../../src/oci/reference.ts'

const HEX = 'a'.repeat(64)

describe('parseReference', () => {
  test.each([
    ['alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20', 'alpine:3.20'],
    ['library/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
    ['library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['grafana/k6:0.5', 'docker.io/grafana/k6:0.5', 'grafana/k6:0.5'],
    ['docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
    ['index.docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
    ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
    ['localhost:5000', 'docker.io/library/localhost:5000', 'localhost:5000'],
    ['localhost:5000/app', 'localhost:5000/app:latest', 'localhost:5000/app:latest'],
    ['127.0.0.1:5000/a/b/c:x', '127.0.0.1:5000/a/b/c:x', '127.0.0.1:5000/a/b/c:x'],
    ['[::1]:5000/app:1', '[::1]:5000/app:1', '[::1]:5000/app:1'],
    ['ghcr.io/o/r', 'ghcr.io/o/r:latest', 'ghcr.io/o/r:latest'],
    ['REGISTRY/app', 'REGISTRY/app:latest', 'REGISTRY/app:latest'],
    ['a_b/c__d/e--f:_T', 'docker.io/a_b/c__d/e--f:_T', 'a_b/c__d/e--f:_T'],
    [`alpine@sha256:${HEX}`, `docker.io/library/alpine@sha256:${HEX}`, `alpine@sha256:${HEX}`],
    [`alpine:3@sha256:${HEX}`, `docker.io/library/alpine:3@sha256:${HEX}`, `alpine:3@sha256:${HEX}`],
    [`x.y/${HEX}`, `x.y/${HEX}:latest`, `x.y/${HEX}:latest`],
  ])('%s is %s, in short %s', (text, full, familiar) => {
    const ref = parseReference(text)
    expect(formatReference(ref)).toBe(full)
    expect(familiarReference(ref)).toBe(familiar)
    expect(parseReference(full)).toEqual(ref)
    expect(parseReference(familiar)).toEqual(ref)
  })

  test('a reference with a digest alone has no tag', () => {
    expect(parseReference(`alpine@sha256:${HEX}`)).toEqual({
      host: 'docker.io',
      repository: 'library/alpine',
      digest: `sha256:${HEX}`,
    })
  })

  test.each([
    ['', 'is empty', undefined],
    ['a'.repeat(5000), 'too long', undefined],
    ['https://ghcr.io/o/r', 'is a URL', 'Leave out https://'],
    ['docker://alpine', 'is a URL', 'Leave out docker://'],
    ['Alpine', 'lower case', 'Write it like alpine'],
    ['ghcr.io/Org/app', 'lower case', 'Write it like ghcr.io/org/app'],
    ['alpine:', '"" is not a tag', undefined],
    ['alpine:.x', '".x" is not a tag', undefined],
    [`alpine:${'t'.repeat(129)}`, 'is not a tag', undefined],
    ['a:b:c', '"a:b" is not part', undefined],
    ['alpine@sha256:abc', '64 lower-case hex digits', undefined],
    ['alpine@', 'neither', undefined],
    [`a@sha256:${HEX}@sha256:${HEX}`, 'hex digits', undefined],
    [HEX, 'image ID', 'NAME@sha256:DIGEST'],
    [`x.y/${'a'.repeat(256)}`, 'longer than 255', undefined],
    ['a//b', 'is empty', undefined],
    ['/alpine', 'is empty', undefined],
    ['alpine/', 'is empty', undefined],
    ['../etc/passwd', '".." is not a host name', undefined],
    ['x.y/../../etc', '".." is not part', undefined],
    ['-x.y/a', '"-x.y" is not a host name', undefined],
    ['x.y:99999/a', 'is not a host name', undefined],
    ['x.y:/a', 'is not a host name', undefined],
    ['user@host.io/a', 'neither', undefined],
    ['a___b', 'is not part', 'Use a-z'],
    ['a._b', 'is not part', undefined],
    ['al pine', 'is not part', undefined],
    ['alpine\n', 'is not part', undefined],
    ['alpine:1\n', 'is not a tag', undefined],
  ])('refuses %j: %s', (text, state, hint) => {
    const error = thrownBy(() => parseReference(text))
    expect(error.code).toBe('BAD_REFERENCE')
    expect(error.message).toContain(state)
    expect(error.message.length).toBeLessThan(400)
    if (hint !== undefined) expect(error.hint).toContain(hint)
  })

  test('any text is either refused with BAD_REFERENCE or survives a round trip', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9./:@_-]{1,40}$/))
    fc.assert(
      fc.property(text, (input) => {
        try {
          const ref = parseReference(input)
          expect(parseReference(formatReference(ref))).toEqual(ref)
        } catch (error) {
          expect((error as XbuildError).code).toBe('BAD_REFERENCE')
        }
      }),
    )
  })
})

function thrownBy(run: () => unknown): XbuildError {
  try {
    run()
  } catch (error) {
    if (error instanceof XbuildError) return error
  }
  throw new Error('It did not throw an XbuildError')
}
