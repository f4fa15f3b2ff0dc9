import { expect, test } from 'vitest'
import { parseBuildContext } from '../../src/config/build-context.ts'

const hex = 'a'.repeat(64)

test.each([
  ['base=docker-image://alpine:3', 'base', { kind: 'image', ref: 'alpine:3' }],
  ['docker.io/library/alpine:latest=dir', 'docker.io/library/alpine:latest', { kind: 'dir', path: 'dir' }],
  ['alpine:3.20=dir', 'alpine:3.20', { kind: 'dir', path: 'dir' }],
  ['registry.example/a/b=../x', 'registry.example/a/b', { kind: 'dir', path: '../x' }],
  ['Base=/abs', 'Base', { kind: 'dir', path: '/abs' }],
  ['b=oci-layout://out', 'b', { kind: 'oci-layout', path: 'out' }],
  ['b=oci-layout:///abs/out:v1', 'b', { kind: 'oci-layout', path: '/abs/out', ref: 'v1' }],
  ['b=oci-layout://a:b/out', 'b', { kind: 'oci-layout', path: 'a:b/out' }],
  [`b=oci-layout://out@sha256:${hex}`, 'b', { kind: 'oci-layout', path: 'out', ref: `sha256:${hex}` }],
  ['b=dir=with=equals', 'b', { kind: 'dir', path: 'dir=with=equals' }],
])('%s', (text, name, context) => {
  expect(parseBuildContext(text, '--build-context')).toEqual({ name, context })
})

test.each([
  ['base', /value after "=" is missing/],
  ['base=', /value after "=" is missing/],
  ['=dir', /name before "=" is missing/],
  ['b=docker-image://', /nothing after docker-image:/],
  ['b=oci-layout://', /nothing after oci-layout:/],
  ['b=oci-layout://:tag', /folder of the OCI layout is missing/],
  ['b=https://example.com/x.tar', /remote contexts yet/],
  ['b=git@example.com:a/b', /remote contexts yet/],
  ['b=target:x', /bake/],
])('%s is refused', (text, message) => {
  expect(() => parseBuildContext(text, '--build-context')).toThrow(message)
})
