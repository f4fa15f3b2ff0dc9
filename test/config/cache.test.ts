import { describe, expect, test } from 'vitest'
import { parseCacheSource, parseCacheTarget } from '../../src/config/cache.ts'

describe('--cache-from', () => {
  test.each([
    ['a.example/b:c', [{ type: 'registry', ref: 'a.example/b:c' }]],
    [
      'a.example/b:c,d',
      [
        { type: 'registry', ref: 'a.example/b:c' },
        { type: 'registry', ref: 'd' },
      ],
    ],
    ['type=registry,ref=a/b', [{ type: 'registry', ref: 'a/b' }]],
    ['TYPE=registry,"ref=a/b"', [{ type: 'registry', ref: 'a/b' }]],
    ['type=local,src=some/folder', [{ type: 'local', src: 'some/folder' }]],
    ['type=gha', [{ type: 'gha' }]],
    [
      'type=gha,scope=main,url_v2=http://127.0.0.1:1/,token=t,timeout=5m',
      [{ type: 'gha', scope: 'main', url: 'http://127.0.0.1:1/', token: 't', timeout: 300_000 }],
    ],
  ])('%s', (text, expected) => {
    expect(parseCacheSource(text, '--cache-from')).toEqual(expected)
  })

  test.each([
    ['', /empty/],
    ['type=registry', /ref is missing/],
    ['type=local,dest=x', /src is missing/],
    ['type=inline', /inline cache is read from the image/],
    ['type=s3,bucket=x', /does not support type=s3 yet/],
    ['type=registri,ref=x', /unknown type "registri"/],
    ['ref=x', /the type is missing/],
    ['type=registry,ref=a.example/UPPER', /lower case/],
    ['type=registry,ref=x,registry.insecure=true', /registry\.insecure=/],
    ['type=local,src=x,digest=sha256:1', /does not support digest=/],
    ['type=local,src=x,sauce=y', /has no "sauce"/],
    ['type=registry,ref=a,ref=b', /"ref" is there twice/],
  ])('%s is refused', (text, message) => {
    expect(() => parseCacheSource(text, '--cache-from')).toThrow(message)
  })
})

describe('--cache-to', () => {
  test.each([
    ['a/b:c', [{ type: 'registry', ref: 'a/b:c', mode: 'min' }]],
    [
      'type=registry,ref=a/b,mode=max,ignore-error=true,image-manifest=true,oci-mediatypes=true,compression=gzip',
      [{ type: 'registry', ref: 'a/b', mode: 'max' }],
    ],
    ['type=local,dest=x', [{ type: 'local', dest: 'x', mode: 'min' }]],
    ['type=inline', [{ type: 'inline' }]],
    ['type=gha,scope=x,mode=max', [{ type: 'gha', scope: 'x', mode: 'max' }]],
    ['type=gha,version=2,repository=o/r,ghtoken=x', [{ type: 'gha', mode: 'min' }]],
    ['type=gha,max-size=2GB', [{ type: 'gha', mode: 'min', maxSize: 2 * 1024 ** 3 }]],
  ])('%s', (text, expected) => {
    expect(parseCacheTarget(text, '--cache-to')).toEqual(expected)
  })

  test.each([
    ['type=registry,ref=x,mode=middle', /mode "middle" is neither min nor max/],
    ['type=inline,mode=max', /holds the steps of the result only/],
    ['type=local,src=x', /dest is missing/],
    ['type=registry,ref=x,compression=zstd', /does not support compression=zstd yet/],
    ['type=gha,max-size=much', /max-size= "much": not a size/],
    ['type=local,dest=x,max-size=1GB', /has no "max-size"/],
    ['type=gha,timeout=soon', /timeout= "soon": not a duration/],
    ['type=registry,ref=x,ignore-error=perhaps', /neither true nor false/],
  ])('%s is refused', (text, message) => {
    expect(() => parseCacheTarget(text, '--cache-to')).toThrow(message)
  })
})
