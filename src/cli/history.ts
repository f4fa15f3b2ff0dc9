import { compact } from '../compact.ts'
import type { HistoryCommand } from '../config/history-flags.ts'
import { XbuildError } from '../errors.ts'
import { formatPlatform, parsePlatform } from '../platform.ts'
import { readResult } from '../session/ledger-results.ts'
import { removeRun } from '../store/runs/remove-run.ts'
import { readRuns } from '../store/runs/read-run.ts'
import { readRunLog } from '../store/runs/run-log.ts'
import type { Run } from '../store/runs/run-types.ts'
import type { Store } from '../store/store.ts'
import { formatRun, formatRuns, runJson, runsJson } from '../ui/history.ts'
import { createLogUi } from '../ui/run-log.ts'
import { wantsColor } from '../ui/text.ts'
import { findRun, storeOfHistory } from './find-run.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'

/** `xbuild history ...`: what runs of this store did, on stdout. */
export async function runHistory(command: HistoryCommand, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  const store = await storeOfHistory(command, env)
  switch (command.verb) {
    case 'ls': {
      const { states, json } = command
      const runs = readRuns(store.folder).filter(({ state }) => states.length === 0 || states.includes(state))
      await print(stdout, json ? runsJson(runs) : formatRuns(runs.toReversed(), Date.now()))
      return 0
    }
    case 'show': {
      const run = findRun(store, command.run)
      const results = Object.fromEntries(
        run.images.flatMap(({ image }) => {
          const result = readResult(store.folder, run.id, image)
          return result ? [[image, result]] : []
        }),
      )
      await print(stdout, command.json ? runJson(run, results) : formatRun(run, Date.now()))
      return 0
    }
    case 'logs':
      return printLogs(store, findRun(store, command.run), command, terminal)
    case 'rm': {
      const runs = command.all ? readRuns(store.folder) : command.runs.map((name) => findRun(store, name))
      const busy = runs.find(({ state }) => state === 'running')
      if (busy && !command.all)
        throw new XbuildError('STORE', `Cannot remove run "${busy.id}": process ${busy.pid} works on it`)
      const removed = runs.filter(({ state }) => state !== 'running')
      for (const run of removed) await removeRun(store, run.id)
      stderr.write(`Removed ${removed.length === 1 ? `run ${removed[0]!.id}` : `${removed.length} runs`}\n`)
      return 0
    }
  }
}

async function printLogs(
  store: Store,
  run: Run,
  { platform, image }: Extract<HistoryCommand, { verb: 'logs' }>,
  { stdout, env }: Terminal,
): Promise<number> {
  const wanted = platform === undefined ? undefined : formatPlatform(parsePlatform(platform))
  const known = new Set(run.images.flatMap(({ platforms }) => platforms.map((one) => one.platform)))
  if (wanted !== undefined && known.size > 0 && !known.has(wanted))
    throw new XbuildError('NOT_FOUND', `Cannot find ${wanted} in run "${run.id}": it built ${[...known].join(', ')}`)
  if (image !== undefined && !run.images.some((one) => one.image === image))
    throw new XbuildError('NOT_FOUND', `Cannot find the image "${image}" in run "${run.id}"`, {
      hint: `It has ${run.images.map((one) => `"${one.image}"`).join(', ')}`,
    })
  let text = ''
  const ui = createLogUi(
    { write: (part) => (text += part), color: wantsColor(stdout.isTTY, env) },
    compact({ platform: wanted, image }),
  )
  for await (const entry of readRunLog(store.folder, run.id)) {
    ui(entry)
    if (text.length < 1 << 16) continue
    await print(stdout, text)
    text = ''
  }
  await print(stdout, text)
  return 0
}
