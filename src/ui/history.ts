import type { Run, RunImage, RunPlatform } from '../store/runs/run-types.ts'
import { ago, formatRows } from './store.ts'
import { cleanLine, cut, formatDuration } from './text.ts'

/** The table of `xbuild history ls`. Ends in a newline. */
export function formatRuns(runs: readonly Run[], now: number): string {
  const rows = runs.map((run) => [
    run.id,
    ago(run.began, now),
    formatDuration(run.duration),
    run.state,
    cut(list(run.images.map(nameOf).filter(Boolean)), 30),
    cut(list(platformsOf(run)), 40),
    cut(list(run.images.flatMap(({ tags }) => tags)), 60),
  ])
  return lines(formatRows([['RUN', 'WHEN', 'TOOK', 'STATE', 'IMAGES', 'PLATFORMS', 'TAGS'], ...rows]))
}

/** What is known of a run, for people. Ends in a newline. */
export function formatRun(run: Run, now: number): string {
  const { command, error } = run
  const facts: (readonly [string, string])[] = [
    ['Run', run.id],
    ['State', run.state === 'running' && run.pid !== undefined ? `running (process ${run.pid})` : run.state],
    ['Began', `${new Date(run.began).toISOString()} (${ago(run.began, now)})`],
    ['Took', `${formatDuration(run.duration)}${run.attempts > 1 ? ` in ${run.attempts} attempts` : ''}`],
    ['Command', command ? `xbuild ${command.map(quoted).join(' ')}` : 'called by the library'],
    ['Folder', run.cwd],
    ['Version', run.version],
    ...(run.needs?.length ? [['Needs', `variables ${run.needs.join(', ')}`] as const] : []),
    ...(error ? [['Error', `${error.code}: ${error.message}`] as const] : []),
  ]
  const width = Math.max(...facts.map(([name]) => name.length)) + 2
  return lines([
    ...facts.map(([name, value]) => cleanLine(`${`${name}:`.padEnd(width)}${value}`)),
    ...run.images.flatMap((image) => ['', ...imageLines(image)]),
  ])
}

function imageLines(image: RunImage): string[] {
  const { status, digest, error, platforms, tags, moved, outputs } = image
  const name = nameOf(image)
  const said = [status, digest, error && status === 'failed' ? `${error.code}: ${error.message}` : ''].filter(Boolean)
  const rows = platforms.map((one) => [
    one.platform,
    one.status,
    one.seconds === undefined ? '' : formatDuration(one.seconds * 1000),
    cachedOf(one),
    [one.strategy, one.node].filter(Boolean).join(' on '),
    one.error ? `${one.error.code}: ${one.error.message}` : (one.digest ?? ''),
  ])
  const table =
    rows.length > 0
      ? formatRows([['PLATFORM', 'STATE', 'TOOK', 'CACHED', 'HOW', 'RESULT'], ...rows.map((row) => row.map(cellOf))])
      : []
  const movedRefs = new Map(moved.map((one) => [one.ref, one.digest]))
  return [
    cleanLine(`${name === '' ? 'Image' : `Image ${name}`}: ${said.join(' ')}`),
    ...table.map((row) => `  ${row}`),
    ...outputs.map((output) => cleanLine(`  wrote ${output}`)),
    ...[...movedRefs].map(([ref, at]) => cleanLine(`  moved ${ref} to ${at}`)),
    ...tags.filter((tag) => movedRefs.size > 0 && !movedRefs.has(tag)).map((tag) => cleanLine(`  not moved: ${tag}`)),
  ]
}

/** Runs as JSON. Ends in a newline. */
export function runsJson(runs: readonly Run[]): string {
  return `${JSON.stringify(runs.map(jsonOf), null, 2)}\n`
}

/** A run as JSON, with what its caller was told of each image. Ends in a newline. */
export function runJson(run: Run, results: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ ...jsonOf(run), results }, null, 2)}\n`
}

function jsonOf({ began, ended, duration, images, ...run }: Run): object {
  return {
    ...run,
    began: new Date(began).toISOString(),
    ...(run.state === 'running' ? {} : { ended: new Date(ended).toISOString() }),
    seconds: duration / 1000,
    images: images.map(({ image, asked: _, moved, ...rest }) => ({
      ...(image === '' ? {} : { name: image }),
      ...rest,
      platforms: rest.platforms.map(({ image: _, ...platform }) => platform),
      moved: moved.map(({ at, ...one }) => ({ ...one, at: new Date(at).toISOString() })),
    })),
  }
}

function nameOf({ image }: Pick<RunImage, 'image'>): string {
  return image
}

function platformsOf({ images }: Run): string[] {
  return [...new Set(images.flatMap(({ platforms }) => platforms.map(({ platform }) => platform)))]
}

function cachedOf({ steps, cached = 0 }: RunPlatform): string {
  return steps === undefined ? '' : `${cached}/${steps}`
}

function list(words: readonly string[]): string {
  return cleanLine(words.join(', '))
}

function cellOf(text: string): string {
  return cut(cleanLine(text), 200)
}

function lines(all: readonly string[]): string {
  return `${all.map((line) => cleanLine(line).trimEnd()).join('\n')}\n`
}

function quoted(word: string): string {
  return /^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
