import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readStdin } from '../../src/source/stdin.ts'
import { item, tar } from '../support/tar.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { signal } = new AbortController()
const archive = tar([item({ path: 'a', data: 'a' })])

const read = (bytes: Uint8Array, file = join(tempFolder(), 'content')) =>
  readStdin(Readable.from([Buffer.from(bytes)]), { file, signal })

test.each([
  ['a tar archive', archive],
  ['one packed with gzip', gzipSync(archive)],
  ['what begins like bzip2', Buffer.from('BZh91AY')],
  ['what begins like xz', Buffer.from('fd377a585a000004', 'hex')],
  ['what begins like zstd', Buffer.from('28b52ffd00', 'hex')],
])('%s is an archive', async (_, bytes) => {
  const file = join(tempFolder(), 'content')
  expect(await read(bytes, file)).toEqual({
    kind: 'archive',
    file,
    digest: createHash('sha256').update(bytes).digest('hex'),
  })
})

test.each(['FROM scratch\n', '', '# only a comment', 'B', 'FROM scratch\r\n'])('%j is text', async (text) => {
  expect(await read(Buffer.from(text))).toEqual({ kind: 'text', text })
})

test('a text as long as no Dockerfile is refused', async () => {
  await expect(read(Buffer.alloc((16 << 20) + 1, '#'))).rejects.toMatchObject({ code: 'BAD_DOCKERFILE' })
})
