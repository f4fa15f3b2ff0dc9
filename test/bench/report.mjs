/** The middle of some numbers; NaN of none. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The results as a table: medians in seconds, xbuild's share of each peer's, and whether the aim is reached. */
export function formatTable(results) {
  const rows = results.map(({ workload, peer, runs, median: middle, ratio, cpu, cpuRatio, failed, aim }) => {
    if (failed) return [workload, peer, 'failed', '', '', '', '', '', failed.slice(0, 80)]
    const shareOf = (value) => (peer === 'xbuild' || !Number.isFinite(value) ? '' : value.toFixed(2))
    return [
      workload,
      peer,
      seconds(middle),
      seconds(Math.min(...runs)),
      seconds(Math.max(...runs)),
      shareOf(ratio),
      seconds(cpu),
      shareOf(cpuRatio),
      verdict(aim, { ratio, cpuRatio, middle }),
    ]
  })
  return align([['workload', 'peer', 'median s', 'min', 'max', 'xbuild/peer', 'CPU s', 'xbuild/peer', 'aim'], ...rows])
}

/** How long xbuild takes until the first job starts, per workload. */
export function formatPlanned(planned) {
  const rows = Object.entries(planned).map(([name, { seconds: own, aim }]) => [
    name,
    seconds(own),
    `under ${aim} s: ${own < aim ? 'yes' : 'no'}`,
  ])
  return rows.length === 0 ? '' : align([['workload', 'xbuild planned after s', 'aim'], ...rows])
}

/** Peak memory of xbuild per workload. */
export function formatMemory(memory) {
  const rows = Object.entries(memory).map(([name, { main, worker, tree }]) => [
    name,
    String(main),
    String(worker),
    String(tree),
    `under 150: ${yesNo(main < 150)}, all under 200: ${yesNo(tree < 200)}`,
  ])
  return rows.length === 0
    ? ''
    : align([['workload', 'xbuild peak MB', 'its largest worker MB', 'all at a time MB', 'aim'], ...rows])
}

function verdict(aim, { ratio, cpuRatio, middle }) {
  if (!aim) return ''
  if (aim.slower)
    return `at most ${aim.slower}: wall ${yesNo(ratio <= aim.slower)}, CPU ${yesNo(cpuRatio <= aim.slower)}`
  if (aim.ratio) return Number.isFinite(ratio) ? `at most ${aim.ratio}: ${ratio <= aim.ratio ? 'yes' : 'no'}` : ''
  if (aim.more) {
    const more = ratio * middle - middle
    return Number.isFinite(more)
      ? `at most ${aim.more} s more: ${more <= aim.more ? 'yes' : 'no'} (${more.toFixed(3)})`
      : ''
  }
  return `under ${aim.seconds} s: ${middle < aim.seconds ? 'yes' : 'no'}`
}

function yesNo(value) {
  return value ? 'yes' : 'no'
}

function seconds(value) {
  return value.toFixed(3)
}

function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return `${rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`
}
