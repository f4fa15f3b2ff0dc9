/** What we want to reach. */
const AIM = { first: 2, later: 1.4, qemu: 6 }

/** The measurements as Markdown: processor time and wall clock of each way, ratios, differences, what ran emulated most. */
export function formatReal(results) {
  const head = [
    '| project | | own amd64, first | later | first build | later | QEMU | first / amd64 | later / amd64 | QEMU / first | QEMU / later |',
    '| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |',
  ]
  const rows = results.flatMap((result) =>
    result.failed
      ? [`| ${result.project}, Debian ${result.release} | failed: ${result.failed.split('\n')[0]} |`]
      : ['cpu', 'seconds'].map((kind) => rowOf(result, kind)),
  )
  const notes = results.flatMap((result) => (result.failed ? [] : notesOf(result)))
  return `${[...head, ...rows, '', `Aims: first / amd64 at most ${AIM.first}, later / amd64 at most ${AIM.later}, QEMU at least ${AIM.qemu} times.`, '', ...notes].join('\n')}\n`
}

function rowOf({ project, release, runs }, kind) {
  const value = (name) => (runs[name] && !runs[name].failed ? runs[name][kind] : NaN)
  const shown = (name) => (runs[name]?.failed ? runs[name].failed : number(value(name), 1))
  const ratio = (one, other) => number(value(one) / value(other), 2)
  const cells = [
    `${project}, Debian ${release}`,
    kind === 'cpu' ? 'CPU s' : 'wall s',
    ...['amd64 first', 'amd64 later', 'first', 'later', 'QEMU'].map(shown),
    ratio('first', 'amd64 first'),
    ratio('later', 'amd64 later'),
    ratio('QEMU', 'first'),
    ratio('QEMU', 'later'),
  ]
  return `| ${cells.join(' | ')} |`
}

function notesOf({ project, release, runs, differ }) {
  const of = `${project}, Debian ${release}`
  const same = ['first', 'later'].flatMap((name) =>
    differ[name] ? [`- ${of}: ${name} beside QEMU: ${differencesOf(differ[name])}`] : [],
  )
  const unstable = differ.unstable?.length
    ? [`- ${of}: different in two builds under QEMU, too: ${differencesOf(differ.unstable)}`]
    : []
  const starts = ['first', 'later'].flatMap((name) => {
    const found = runs[name]?.starts
    if (!found) return []
    const most = found.programs
      .filter(({ emulated }) => emulated > 0)
      .slice(0, 8)
      .map(({ program, emulated }) => `${program} ${emulated}`)
    return [
      `- ${of}, ${name}: ${found.native} starts natively, ${found.emulated} emulated; most: ${most.join(', ') || 'none'}`,
    ]
  })
  return [...same, ...unstable, ...starts]
}

function differencesOf(paths) {
  return paths.length === 0
    ? 'every file is the same'
    : `${paths.length} files DIFFER: ${paths.slice(0, 10).join('; ')}`
}

function number(value, digits) {
  return Number.isFinite(value) ? value.toFixed(digits) : '-'
}
