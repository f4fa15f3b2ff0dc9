import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { platformOfNodeArch } from '../../../src/platform.ts'
import { baseLayout } from './examples.ts'

/**
 * The layer of the small base image for this machine, or another architecture, as a file: `FROM scratch` and `ADD` of
 * it need no registry.
 */
export async function baseLayer(architecture: string = platformOfNodeArch(process.arch).architecture): Promise<string> {
  const layout = await baseLayout('busybox')
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'))
  const json = (path: string) =>
    JSON.parse(readFileSync(path, 'utf8')) as {
      manifests: { digest: string; platform?: { architecture: string } }[]
      layers: { digest: string }[]
    }
  const list = json(blob(json(join(layout, 'index.json')).manifests[0]!.digest))
  const own = list.manifests.find(({ platform }) => platform?.architecture === architecture)!
  return blob(json(blob(own.digest)).layers[0]!.digest)
}
