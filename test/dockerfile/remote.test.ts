import { describe, expect, test } from 'vitest'
import { fileNameOf, isRemote, parseRemote, showRemote, withChecksum } from '../../src/dockerfile/remote.ts'
import { showUrl } from '../../src/dockerfile/show-url.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const PLAIN = { kind: 'git', keepGitDir: false, submodules: true, mtime: 'commit', fetchByCommit: false }

describe('what an ADD source or a context is', () => {
  test.each([
    ['https://example.org/file.tgz', 'http'],
    ['HTTP://example.org/file', 'http'],
    ['https://example.org/repository.git', 'git'],
    ['https://example.org/repository.git#main', 'git'],
    ['https://example.org/repository.git?ref=main', 'git'],
    ['https://example.org/repository.github', 'http'],
    ['https://example.org/file?name=x.git', 'http'],
    ['git://example.org/repository', 'git'],
    ['ssh://git@example.org:22/repository', 'git'],
    ['git@example.org:owner/repository', 'git'],
    ['me@example.org:owner/repository.git#v1:sub', 'git'],
    ['file.txt', undefined],
    ['folder/with@sign', undefined],
    ['C:/file', undefined],
    ['github.com/owner/repository', undefined],
    ['file:///repository.git', undefined],
    ['-oProxyCommand=x@host:path', undefined],
    ['ftp://example.org/file', undefined],
  ])('%s: %s', (text, kind) => {
    expect(parseRemote(text)?.kind).toBe(kind)
    expect(isRemote(text)).toBe(kind !== undefined)
  })

  test.each([
    ['github.com/owner/repository', 'https://github.com/owner/repository'],
    ['github.com/owner/repository.git#v1', 'https://github.com/owner/repository.git'],
    ['file:///srv/repository', 'file:///srv/repository'],
  ])('given by the user, %s is the repository %s', (text, url) => {
    expect(parseRemote(text, { byUser: true })).toMatchObject({ kind: 'git', url })
  })
})

describe('git', () => {
  test.each([
    ['https://h/r.git', { url: 'https://h/r.git' }],
    ['https://h/r.git#', { url: 'https://h/r.git' }],
    ['https://h/r.git#main', { url: 'https://h/r.git', ref: 'main' }],
    ['https://h/r.git#:docs', { url: 'https://h/r.git', subdir: 'docs' }],
    ['https://h/r.git#feature/x:a/./b//c/', { url: 'https://h/r.git', ref: 'feature/x', subdir: 'a/b/c' }],
    ['https://h/r.git#refs/pull/1/head', { url: 'https://h/r.git', ref: 'refs/pull/1/head' }],
    [`git@h:o/r#${COMMIT}`, { url: 'git@h:o/r', ref: COMMIT }],
    ['https://h/r.git?branch=main&subdir=d', { url: 'https://h/r.git', ref: 'refs/heads/main', subdir: 'd' }],
    [
      'https://h/r.git?tag=v1&submodules=false&keep-git-dir=1',
      { url: 'https://h/r.git', ref: 'refs/tags/v1', submodules: false, keepGitDir: true },
    ],
    ['https://h/r.git?ref=main#main', { url: 'https://h/r.git', ref: 'main' }],
    ['https://h/r.git?commit=ABCDEF0', { url: 'https://h/r.git', checksum: 'abcdef0' }],
    ['https://h/r.git?mtime=checkout', { url: 'https://h/r.git', mtime: 'checkout' }],
    [
      `https://h/r.git?fetch-by-commit=true&checksum=${COMMIT}`,
      { url: 'https://h/r.git', checksum: COMMIT, fetchByCommit: true },
    ],
    ['https://h/r.git#a%20b'.replace('%20', '%2B'), { url: 'https://h/r.git', ref: 'a+b' }],
  ])('%s', (text, wanted) => {
    expect(parseRemote(text)).toEqual({ ...PLAIN, ...wanted })
  })

  test.each([
    ['https://h/r.git?ref=a#b', 'ref is given as "a" and as "b"'],
    ['https://h/r.git?ref=a&branch=a', 'ref is given as "a" and as "refs/heads/a"'],
    ['https://h/r.git?subdir=a#x:b', 'subdir is given as "a" and as "b"'],
    ['https://h/r.git?ref=a&ref=a', '"ref" is there twice'],
    ['https://h/r.git?branche=a', '"branche" is unknown'],
    ['https://h/r.git?submodules=maybe', 'submodules must be true or false, not "maybe"'],
    ['https://h/r.git?mtime=now', 'mtime must be commit or checkout, not "now"'],
    ['https://h/r.git?fetch-by-commit=true', 'fetch-by-commit needs the complete commit id'],
    ['https://h/r.git?checksum=xyz', 'it is not a commit id'],
    ['https://h/r.git#--upload-pack=touch', 'is not a branch, tag or commit'],
    ['https://h/r.git?ref=--upload-pack=touch', 'is not a branch, tag or commit'],
    ['https://h/r.git?branch=a..b', 'is not a branch, tag or commit'],
    ['https://h/r.git#a*', 'is not a branch, tag or commit'],
    ['https://h/r.git#main:../..', 'its folder is outside of the repository'],
    ['https://h/r.git#main:a/%2e%2e/%2e%2e/b', 'its folder is outside of the repository'],
    ['https://h/r.git#%', 'its fragment is wrongly encoded'],
    ['ssh://-oProxyCommand=touch/r', 'begins with "-"'],
    ['ssh://-l@h/r', 'begins with "-"'],
    ['git://h', 'it names no repository'],
    ['https:///r.git#x y', 'a URL cannot contain white space'],
    ['https://h/r.git\n', 'a URL cannot contain white space'],
    ['https://[/r.git', 'it is not a URL'],
  ])('%s is refused: %s', (text, message) => {
    expect(() => parseRemote(text)).toThrow(message)
  })

  test('a password is not shown', () => {
    expect(() => parseRemote('https://me:secret@h/r.git#-x')).toThrow('"https://h/r.git#-x"')
    expect(showUrl('https://me:se@cret@h/file')).toBe('https://h/file')
    expect(showUrl(`https://me:it's@h/file`)).toBe('https://h/file')
    expect(showUrl('ssh://git@h/r')).toBe('ssh://git@h/r')
  })

  test.each([
    ['https://me:secret@h/r.git?branch=main&subdir=d', 'https://h/r.git#main:d'],
    ['git@h:r#:d', 'git@h:r#:d'],
    ['https://h/f?x=1#part', 'https://h/f?x=1'],
  ])('%s is shown as %s', (text, shown) => {
    expect(showRemote(parseRemote(text)!)).toBe(shown)
  })
})

test.each([
  ['https://h/a/b.txt', 'b.txt'],
  ['https://h/a/b.txt/', 'b.txt'],
  ['https://h/a%20b?c=d', 'a b'],
  ['https://h/a%2Fb', 'b'],
  ['https://h/%2F..', '__unnamed__'],
  ['https://h/a%2F%2e%2e', '__unnamed__'],
  ['https://h/%', '%'],
  ['https://h/', '__unnamed__'],
  ['https://h', '__unnamed__'],
])('the file at %s is named %s', (url, name) => {
  expect(fileNameOf(url)).toBe(name)
})

describe('checksums', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const file = parseRemote('https://h/f')!
  const repository = parseRemote('https://h/r.git?checksum=abcdef01')!

  test('of files are digests, of repositories the beginning of a commit id; the longer one counts', () => {
    expect(withChecksum(file, digest)).toEqual({ ...file, checksum: digest })
    expect(withChecksum(repository, 'abcdef0')).toMatchObject({ checksum: 'abcdef01' })
    expect(withChecksum(repository, 'ABCDEF0123')).toMatchObject({ checksum: 'abcdef0123' })
  })

  test.each([
    [file, 'abc', 'it is not a digest'],
    [file, `md5:${'a'.repeat(32)}`, 'it is not a digest'],
    [repository, digest, 'it is not a commit id'],
    [repository, '1234567', 'two different commits are given, abcdef01 and 1234567'],
  ])('%j does not take %s', (remote, checksum, message) => {
    expect(() => withChecksum(remote, checksum)).toThrow(message)
  })
})
