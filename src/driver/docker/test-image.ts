import { randomUUID } from 'node:crypto'
import { readManifest, checked } from '../../content/read-blob.ts'
import type { BuiltImage } from '../../content/built-image.ts'
import { programFailure } from '../../emulation/program-failure.ts'
import { XbuildError } from '../../errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { digestHex } from '../../oci/digest.ts'
import { serialize } from '../../oci/serialize.ts'
import { encodeTarHeader, paddingOf, TAR_BLOCK } from '../../oci/tar-format.ts'
import type { TestOptions } from '../driver.ts'
import type { EngineTest } from '../engine-images.ts'
import { removeImage } from './answers.ts'
import type { DockerEngine } from './engine.ts'
import { loadImage } from './load-image.ts'
import { runContainer } from './run-container.ts'

/** Last lines of a command that are told when it fails. */
const KEPT_LINES = 50

/**
 * Runs a command in a container of an image that was built, and removes the container; an image that the engine lacks is
 * loaded first, and removed, too. Throws RUN_FAILED, EMULATOR, NODE.
 */
export async function testInEngine(
  engine: DockerEngine,
  { image, name, ...test }: EngineTest,
  { signal, onLine }: TestOptions,
): Promise<void> {
  const output: string[] = []
  const listen: TestOptions['onLine'] = (line, stream) => {
    output.push(line)
    if (output.length > KEPT_LINES) output.shift()
    onLine(line, stream)
  }
  const own = `localhost/xbuild-temporary:${randomUUID()}`
  try {
    if (name === undefined) await loadImage(engine, savedImage(image, own), { signal })
    const ended = await runContainer(engine, { ...test, name: name ?? own }, { signal, onLine: listen })
    const command = test.argv.at(-1)!
    if (ended.kind === 'refused')
      throw new XbuildError('RUN_FAILED', `Cannot run "${command}": ${ended.state}`, {
        output,
        facts: { state: ended.state },
      })
    if (ended.status !== 0) throw programFailure(command, { status: ended.status, output, emulated: test.emulated })
  } finally {
    if (name === undefined) await removeImage(engine, own)
  }
}

/** An archive as `docker save` writes it. */
async function* savedImage(image: BuiltImage, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { config, layers } = await readManifest(image)
  const list = serialize([{ Config: fileOf(config), RepoTags: [name], Layers: layers.map(fileOf) }])
  for (const blob of new Map([config, ...layers].map((one) => [one.digest, one])).values()) {
    yield header(fileOf(blob), blob.size)
    yield* checked(await image.blobs.read(blob), blob)
    yield Buffer.alloc(paddingOf(blob.size))
  }
  yield header('manifest.json', list.length)
  yield list
  yield Buffer.alloc(paddingOf(list.length) + 2 * TAR_BLOCK)
}

function header(path: string, size: number): Uint8Array {
  return encodeTarHeader({ path, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, size })
}

function fileOf({ digest }: Descriptor): string {
  return digestHex(digest)
}
