import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sentContext } from '../../../src/driver/docker/context-tar.ts'
import type { RemoteBuild } from '../../../src/driver/remote-build.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** Sends a folder with `d/secret` and `f`; `path` becomes a link out of it right after its header was sent. */
async function sendWhileReplacing(path: string): Promise<{ readonly sent: string; readonly error: unknown }> {
  const folder = tempFolder()
  const [context, outside] = [join(folder, 'context'), join(folder, 'outside')]
  for (const [at, text] of [
    [context, 'own'],
    [outside, 'SECRET'],
  ] as const) {
    mkdirSync(join(at, 'd'), { recursive: true })
    for (const name of ['d/secret', 'f']) writeFileSync(join(at, name), text)
  }
  const text = 'FROM scratch\n'
  writeFileSync(join(context, 'Dockerfile'), text)
  const build = {
    context: { kind: 'folder', path: context, ignore: [] },
    dockerfile: { text, shown: 'Dockerfile' },
    options: { cwd: context },
  } as unknown as RemoteBuild
  let sent = ''
  try {
    for await (const chunk of sentContext(build, text).tar!) {
      const bytes = Buffer.from(chunk).toString('latin1')
      sent += bytes
      if (!bytes.startsWith(`${path}\0`) && !bytes.startsWith(`${path}/\0`)) continue
      rmSync(join(context, path), { recursive: true })
      symlinkSync(join(outside, path), join(context, path))
    }
    return { sent, error: undefined }
  } catch (error) {
    return { sent, error }
  }
}

test.each(['d', 'f'])('a context for a classic builder in which %s becomes a link is not sent', async (path) => {
  const { sent, error } = await sendWhileReplacing(path)
  expect(sent).not.toContain('SECRET')
  expect(error).toMatchObject({ code: 'CONTEXT_CHANGED', message: expect.stringContaining(`"${path}"`) as unknown })
})

test('a context that stays as it is is sent whole', async () => {
  const { sent, error } = await sendWhileReplacing('none')
  expect(error).toBeUndefined()
  expect(sent.match(/own/g)).toHaveLength(2)
})
