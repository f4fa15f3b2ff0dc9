import { expect, test } from 'vitest'
import { parseBuildContext } from '../../src/config/build-context.ts'

const hex = 'a'.repeat(64)
const REPOSITORY = { kind: 'git', keepGitDir: false, submodules: true, mtime: 'commit', fetchByCommit: false }

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
  ['b=https://example.com/x.tar', 'b', { kind: 'remote', remote: { kind: 'http', url: 'https://example.com/x.tar' } }],
  [
    'b=git@example.com:a/b#v1:sub',
    'b',
    { kind: 'remote', remote: { ...REPOSITORY, url: 'git@example.com:a/b', ref: 'v1', subdir: 'sub' } },
  ],
  ['b=github.com/a/b', 'b', { kind: 'remote', remote: { ...REPOSITORY, url: 'https://github.com/a/b' } }],
  ['b=dir=with=equals', 'b', { kind: 'dir', path: 'dir=with=equals' }],
])('%s', (text, name, context) => {
  expect(parseBuildContext(text, '--build-context')).toEqual({ name, context })
})

test.each([
  ['base', /value after "=" is missing/],
  ['base=', /value after "=" is missing/],
  ['=dir', /name before "=" is missing/],
  ['b=docker-image://', /the part after docker-image:/],
  ['b=oci-layout://', /the part after oci-layout:/],
  ['b=oci-layout://:tag', /folder of the OCI layout is missing/],
  ['b=ftp://example.com/x.tar', /unknown scheme ftp:/],
  ['b=https://example.com/x.git?depth=1', /"depth" is unknown/],
  ['b=target:x', /another image of the same run/],
])('%s is refused', (text, message) => {
  expect(() => parseBuildContext(text, '--build-context')).toThrow(message)
})
