import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { ProgressMode } from '../config/options.ts'
import { writeText } from '../publish/publish.ts'
import type { BuildResult, SessionResult } from '../session/types.ts'
import { formatError } from '../ui/error.ts'
import { formatImagesTable } from '../ui/images-table.ts'
import { formatDigest, formatResult } from '../ui/result.ts'
import type { StepCounts } from '../ui/step-counts.ts'
import { wantsColor } from '../ui/text.ts'
import type { MetadataWarnings } from './metadata-warnings.ts'
import { print } from './print.ts'
import { readSource } from './read-source.ts'
import type { Terminal } from './terminal.ts'

/** Reports the result of the only image: a summary on stderr, its digest on stdout. Gives back the exit code. */
export async function reportOne(
  result: BuildResult,
  { progress }: { readonly progress: ProgressMode },
  { stdout, stderr, env }: Pick<Terminal, 'stdout' | 'stderr' | 'env'>,
): Promise<number> {
  if (progress !== 'quiet' && progress !== 'rawjson') {
    stderr.write(formatResult(result, { color: wantsColor(stderr.isTTY, env) }))
  }
  await print(stdout, formatDigest(result))
  return 0
}

/** How the results of several images are reported. */
export interface ReportOptions {
  readonly progress: ProgressMode
  /** Names of the images whose digests are the result. */
  readonly chosen: readonly string[]
  /** File for the metadata of all of them; absolute. */
  readonly metadataFile: string | undefined
  /** Steps as they were counted, where they were. */
  readonly steps?: StepCounts
  /** Warnings for the metadata file. */
  readonly warnings?: MetadataWarnings
}

/**
 * Reports what became of several images: a table and errors on stderr, `NAME DIGEST` a line on stdout. Gives back the
 * exit code: 1 when one failed.
 */
export async function reportImages(
  session: SessionResult,
  { progress, chosen, metadataFile, steps, warnings }: ReportOptions,
  { stdout, stderr, env }: Pick<Terminal, 'stdout' | 'stderr' | 'env'>,
): Promise<number> {
  if (metadataFile !== undefined)
    await writeText(metadataFile, metadataText(session, { chosen, ...compact({ warnings }) }))
  const failed = session.images.filter(({ error }) => error !== undefined)
  const style = { color: wantsColor(stderr.isTTY, env), readFile: (path: string) => readSource(resolve(path)) }
  if (progress !== 'quiet' && progress !== 'rawjson')
    stderr.write(formatImagesTable(session.images, { ...style, ...compact({ steps }) }))
  for (const { name, error } of failed) stderr.write(`${name}: ${formatError(error!, style)}`)
  const takesStdout = session.images.some(({ result }) => result?.outputs.some(({ dest }) => dest === '-'))
  const digests = session.images.flatMap(({ name, result }) =>
    result && chosen.includes(name) ? [`${name} ${result.digest}\n`] : [],
  )
  if (!takesStdout) await print(stdout, digests.join(''))
  return failed.length > 0 ? 1 : 0
}

/** As buildx writes it: what each image came to, by its name. */
function metadataText(
  { images }: SessionResult,
  { chosen, warnings }: Pick<ReportOptions, 'chosen' | 'warnings'>,
): string {
  const entries = images.flatMap(({ name, result }) =>
    result && chosen.includes(name) ? [[name, result.metadata] as const] : [],
  )
  return `${JSON.stringify({ ...warnings?.entry(), ...Object.fromEntries(entries) }, null, 2)}\n`
}
