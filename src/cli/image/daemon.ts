import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openArchive } from '../../content/archive-files.ts'
import { engineFailure } from '../../driver/docker/engine.ts'
import { pipeToFile } from '../../host/pipe-to-file.ts'
import { layoutSource } from '../../image/layout-source.ts'
import type { ImageSource } from '../../image/source.ts'
import { connectDocker } from '../../nodes/connect.ts'
import { currentEngine } from '../../nodes/docker-config.ts'
import type { Terminal } from '../terminal.ts'

/** An image of the Docker Engine, saved to a file that is removed with it. Throws NODE, NOT_FOUND. */
export async function daemonSource(
  name: string,
  { env, signal }: { readonly env: Terminal['env']; readonly signal: AbortSignal },
): Promise<ImageSource> {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-save-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const file = join(folder, 'image.tar')
    const engine = await connectDocker(await currentEngine(env), { env, signal })
    try {
      signal.throwIfAborted()
      const saved = (await engine.api.getImage(name).get()) as unknown as AsyncIterable<Uint8Array>
      await pipeToFile([saved], file, { flags: 'wx', signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : engineFailure(engine.endpoint, error)
    } finally {
      await engine.close()
    }
    const files = await openArchive(file, `docker-daemon:${name}`)
    return layoutSource(files, undefined, async () => {
      await files.close()
      await remove()
    })
  } catch (error) {
    await remove()
    throw error
  }
}
