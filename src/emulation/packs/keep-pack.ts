import { chmod, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from '../../host/files.ts'
import { manifestText, packDigest, type Pack, type PackManifest } from './pack.ts'
import { removePack, verifyPack } from './pack-folder.ts'

/** Gives a finished folder the name of its pack among the others. */
export async function keepPack(made: string, manifest: PackManifest, packs: string): Promise<Pack> {
  await writeFile(join(made, 'manifest.json'), manifestText(manifest))
  await chmod(made, 0o755)
  const digest = packDigest(manifest)
  const folder = join(packs, digest)
  const pack = { manifest, digest, folder }
  if ((await exists(folder)) && (await verifyPack(pack)).length > 0) await removePack(pack)
  await rename(made, folder).catch(async (error: unknown) => {
    if ((await verifyPack(pack)).length > 0) throw error // else another process was quicker
  })
  return pack
}
