import type { FinishedBuild } from './result.ts'
import { placeText } from './progress.ts'
import type { StepCounts } from './step-counts.ts'
import { cleanLine, createPaint, formatBytes, formatDuration } from './text.ts'

/** What became of one image of a session. */
export interface FinishedImage {
  readonly name: string
  readonly result?: FinishedBuild | undefined
  readonly error?: { readonly message: string } | undefined
}

const HEAD = ['IMAGE', 'PLATFORM', 'STRATEGY', 'CACHED', 'TIME', 'SIZE', 'DIGEST']

/** What a session made, one line for each platform of each image. Ends in a newline. */
export function formatImagesTable(
  images: readonly FinishedImage[],
  options: { readonly color: boolean; readonly steps?: StepCounts },
): string {
  const paint = createPaint(options.color)
  const rows = images.flatMap(({ name, result, error }) =>
    error || !result
      ? [[name, '', paint('red', 'failed'), '', '', '', '']]
      : result.images.map((image) => [
          name,
          image.platform,
          placeText(image.strategy, image.node),
          cachedText(options.steps?.of(name, image.platform)),
          formatDuration(image.seconds * 1000),
          image.size === undefined ? '' : formatBytes(image.size),
          image.digest,
        ]),
  )
  const all = [HEAD, ...rows]
  const widths = HEAD.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const table = all.map((row) =>
    row
      .map((cell, column) => cleanCell(cell, widths[column]!, paint))
      .join('  ')
      .trimEnd(),
  )
  const where = images.flatMap(({ result }) => (result ? placesOf(result) : []))
  return `${[...table, ...new Set(where)].join('\n')}\n`
}

/** How many steps were known before, of how many; nothing where no step was looked at. */
function cachedText(steps: { readonly cached: number; readonly all: number } | undefined): string {
  return steps && steps.all > 0 ? `${steps.cached}/${steps.all}` : ''
}

function cleanCell(cell: string, width: number, paint: ReturnType<typeof createPaint>): string {
  return cell === paint('red', 'failed') ? cell + ' '.repeat(Math.max(0, width - 'failed'.length)) : cell.padEnd(width)
}

/** Where images went beside the store. */
function placesOf({ outputs, tags }: FinishedBuild): string[] {
  return outputs.flatMap(({ type, dest, engine, names = [] }) => {
    if (type === 'registry') return tags.map((tag) => cleanLine(`pushed to ${tag}`))
    if (type === 'load') return [cleanLine(`loaded into ${engine ?? 'the Docker Engine'} as ${names.join(', ')}`)]
    return dest === undefined || dest === '-' ? [] : [cleanLine(`${type} in ${dest}`)]
  })
}
