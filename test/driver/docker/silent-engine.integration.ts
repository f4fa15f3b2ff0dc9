import { once } from 'node:events'
import { expect, test } from 'vitest'
import { cleaned, removeImage } from '../../../src/driver/docker/answers.ts'
import { engineImages } from '../../../src/driver/docker/engine-images.ts'
import { openStore } from '../../../src/store/store.ts'
import { dockerServer } from '../../support/docker-server.ts'
import { tempFolder } from '../../support/temp-folder.ts'

test('an engine that never answers does not keep a build that is stopped', async () => {
  const asked: string[] = []
  const { server, engine, close } = await dockerServer((request) => void asked.push(request.method!))
  try {
    const stop = new AbortController()
    const images = engineImages(engine, { store: await openStore(`${tempFolder()}/store`) })
    const read = images.read('x', { signal: stop.signal })
    await once(server, 'request')
    stop.abort(new Error('stopped'))
    await expect(read).rejects.toThrow('stopped')
    await removeImage(engine, 'x', 50)
    expect(asked).toEqual(['GET', 'DELETE'])
    await expect(cleaned(new Promise(() => undefined), 50)).rejects.toThrow()
  } finally {
    await close()
  }
})
