import { join } from 'node:path'
import type { StoreFolder } from '../store/places.ts'
import { readOwnFile, runFolder } from '../store/runs/run-folder.ts'
import type { Run } from '../store/runs/run-types.ts'
import type { BuildResult } from './types.ts'

const MAX_BYTES = 64_000_000

/** The file in the folder of a run with what its caller was told of an image. */
export function resultFile(image: string | undefined): string {
  return image === undefined || image === '' ? 'result.json' : `result-${image}.json`
}

/** What an earlier run came to; undefined when that is not known any more. */
export function readResult(folder: StoreFolder, run: string, image: string): BuildResult | undefined {
  if (image !== '' && !/^[\w][\w.-]*$/.test(image)) return undefined
  const bytes = readOwnFile(join(runFolder(folder, run), resultFile(image)), MAX_BYTES)
  if (!bytes) return undefined
  try {
    const value = JSON.parse(bytes.toString('utf8')) as BuildResult | null
    return typeof value?.digest === 'string' && Array.isArray(value.images) ? value : undefined
  } catch {
    return undefined
  }
}

/** What the images came to that a run has finished, by name. One whose result is not known any more is not finished. */
export function finishedResults(folder: StoreFolder, run: Run): Map<string, BuildResult> {
  return new Map(
    run.images.flatMap(({ image, status }) => {
      const result = status === 'done' ? readResult(folder, run.id, image) : undefined
      return result ? [[image, result] as const] : []
    }),
  )
}
