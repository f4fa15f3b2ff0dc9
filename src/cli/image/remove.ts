import type { PruneCommand, RmCommand } from '../../config/image-command.ts'
import { planPrune, planRemoval, removePlanned, type RemovalPlan } from '../../image/remove.ts'
import { formatReference, type Reference } from '../../oci/reference.ts'
import { formatPlan, removalText, toJson } from '../../ui/image.ts'
import { cleanLine } from '../../ui/text.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages, type ImageEdges } from './open.ts'

/** `xbuild image rm`: a line for each thing that was removed or stays. */
export async function runRm(command: RmCommand, terminal: Terminal): Promise<number> {
  const plans: object[] = []
  await withImages(command, terminal, async (edges) => {
    // Tags of one image go together: not every registry removes a tag alone
    const gone = new Set<string>()
    for (const ref of command.refs) {
      const name = formatReference(ref)
      if (gone.has(name)) continue
      const others = command.refs.flatMap(({ host, repository, tag }) =>
        host === ref.host && repository === ref.repository && tag !== undefined && tag !== ref.tag ? [tag] : [],
      )
      const { tags, ...plan } = await planRemoval(ref, { ...edges, force: command.force, others })
      const { digest: _, ...at } = ref
      for (const tag of tags) gone.add(formatReference({ ...at, tag }))
      plans.push({ name, ...(await carryOut(plan, ref, { command, edges, terminal })) })
    }
  })
  if (command.json) await print(terminal.stdout, toJson(plans))
  return 0
}

/** `xbuild image prune`: lists what nothing leads to, and removes it when it is told to. */
export async function runImagePrune(command: PruneCommand, terminal: Terminal): Promise<number> {
  const { repository, digests, json, dryRun } = command
  const { stdout, stderr } = terminal
  await withImages(command, terminal, async (edges) => {
    const plan = await planPrune(repository, digests, edges)
    const done = await carryOut(plan, repository, { command, edges, terminal })
    if (json) return print(stdout, toJson({ name: formatReference(repository), ...done }))
    if (plan.remove.length === 0) await print(stdout, 'nothing to remove\n')
    else if (dryRun) stderr.write('Nothing was removed: do it with --yes\n')
    stderr.write(
      'Images without a tag cannot be listed through the API of registries: name their digests, or use the garbage collection of the registry\n',
    )
  })
  return 0
}

async function carryOut(
  plan: RemovalPlan,
  { host, repository }: Reference,
  {
    command: { dryRun, json },
    edges,
    terminal: { stdout },
  }: { readonly command: RmCommand | PruneCommand; readonly edges: ImageEdges; readonly terminal: Terminal },
): Promise<RemovalPlan & { readonly removed: boolean }> {
  if (dryRun) {
    if (!json) await print(stdout, formatPlan(plan))
    return { ...plan, removed: false }
  }
  if (!json) await print(stdout, formatPlan({ ...plan, remove: [] }))
  const lines: Promise<void>[] = []
  await removePlanned(
    plan,
    { host, repository },
    {
      ...edges,
      done: (removal, outcome) => {
        const line = `${outcome === 'deleted' ? 'removed' : 'already gone:'} ${removalText(removal)}`
        if (!json) lines.push(print(stdout, `${cleanLine(line)}\n`))
      },
    },
  )
  await Promise.all(lines)
  return { ...plan, removed: true }
}
