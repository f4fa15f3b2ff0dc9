import { expect, test } from 'vitest'
import { parseImageName } from '../../src/oci/image-name.ts'

test.each(['dir:foo', 'docker-archive:image.tar', 'containers-storage:alpine:3'])(
  '%s of skopeo is no image of Docker Hub',
  (text) => {
    expect(() => parseImageName(text)).toThrow(
      expect.objectContaining({ code: 'BAD_REFERENCE', hint: expect.stringContaining('oci-archive:FILE') }),
    )
  },
)

test('an image of such a name has its whole name', () => {
  expect(parseImageName('docker.io/library/dir:foo')).toMatchObject({ kind: 'registry', ref: { tag: 'foo' } })
  expect(parseImageName('docker://dir:foo')).toMatchObject({ kind: 'registry' })
})
