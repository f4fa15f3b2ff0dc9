import { createInterface } from 'node:readline/promises'
import { compact } from '../compact.ts'
import type { PruneOptions } from '../config/store-options.ts'
import { XbuildError } from '../errors.ts'
import { planPrune, type PruneRequest } from '../store/gc-plan.ts'
import { measureStore, pruneStore, type Pruned } from '../store/gc.ts'
import { describeHolders, takePruneLease } from '../store/lease.ts'
import { formatPruned } from '../ui/store.ts'
import { count, formatBytes } from '../ui/text.ts'
import { withStore, type OpenedStore } from './open-store.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'

/** `xbuild prune`: removes what is not needed any more; what was freed goes to stdout. */
export async function runPrune(options: PruneOptions, terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal
  const request: PruneRequest = {
    all: options.all,
    filters: options.filters,
    ...compact({ maxUsedSpace: options.maxUsedSpace }),
    now: Date.now(),
  }
  const pruned = await withStore(options, terminal, async (store, signal) => {
    if (!options.force && !(await isAgreed(store, request, terminal, signal))) return undefined
    return await prune(store, request, options, { stderr, signal })
  })
  if (!pruned) {
    stderr.write('Nothing was removed\n')
    return 1
  }
  await print(stdout, formatPruned(pruned.removed, pruned.freed, options))
  return 0
}

async function prune(
  store: OpenedStore,
  request: PruneRequest,
  { timeout }: PruneOptions,
  { stderr, signal }: { stderr: Terminal['stderr']; signal: AbortSignal },
): Promise<Pruned> {
  const lease = await takePruneLease(store.folder, {
    signal,
    onWait: (others) => stderr.write(`Waiting for ${describeHolders(others)}\n`),
    ...compact({ timeout }),
  })
  try {
    return await pruneStore(store.folder, request, store.snapshots)
  } finally {
    lease.release()
  }
}

/** Asks on a terminal, telling what would go; elsewhere nobody can answer, and --force says that nobody needs to. */
async function isAgreed(
  { folder, snapshots }: OpenedStore,
  request: PruneRequest,
  { stdin, stderr }: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new XbuildError('BAD_OPTION', `Cannot prune "${folder.root}": there is no terminal to ask for confirmation`, {
      hint: 'Add --force to remove without confirmation',
    })
  }
  const plan = planPrune(await measureStore(folder, snapshots), request)
  const images = plan.remove
    .filter(({ pinned, type }) => pinned && type === 'image')
    .map(({ description }) => description)
  const among = [
    ...(images.length > 0 ? [`images ${images.join(', ')}`] : []),
    ...(plan.remove.some(({ type }) => type === 'pack') ? ['native toolchains'] : []),
  ]
  const what = `${count(plan.remove.length, 'thing')} of the build cache in ${folder.root}${among.length > 0 ? `, ${among.join(' and ')} among them` : ''}`
  const asking = createInterface({ input: stdin, output: stderr })
  try {
    const answer = await asking.question(`Remove ${what}, ${formatBytes(plan.freed)}? [y/N] `, { signal })
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    asking.close()
  }
}
