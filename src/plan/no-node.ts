import { distinctBy } from '../distinct.ts'
import { type SourcePosition, XbuildError } from '../errors.ts'
import { type Platform, formatPlatform, platformKey, samePlatform } from '../platform.ts'
import type { LostNode, Node, Rejected, Unplaced } from './types.ts'

/** A stage that no node can build. */
export interface Refusal {
  readonly platform: Platform
  readonly at: SourcePosition
  readonly rejected: readonly Rejected[]
}

/** The error for stages that nobody can build: every platform, every node, every reason; points at the first stage. */
export function noNode(
  refusals: readonly Refusal[],
  nodes: readonly Node[],
  { unplaced = [], lost = [] }: { readonly unplaced?: readonly Unplaced[]; readonly lost?: readonly LostNode[] } = {},
): XbuildError {
  if (refusals.length === 0 && unplaced.length > 0) {
    return new XbuildError(
      'NO_NODE',
      `Cannot build anything: every platform is optional, and no node can run any of them (${unplaced.map(({ because }) => because).join('; ')})`,
    )
  }
  if (nodes.length === 0) {
    const why =
      lost.length > 0
        ? `none of ${lost.length} nodes answers (${lost.map(({ name, because }) => `${name}: ${because}`).join('; ')})`
        : 'there is no node'
    return new XbuildError('NO_NODE', `Cannot place any stage: ${why}`, {
      hint: lost.length > 0 ? 'Start one, or use another with --builder' : 'Add a node',
    })
  }
  const distinct = distinctBy(refusals, ({ platform }) => platformKey(platform))
  const named = distinct.map(({ platform }) => formatPlatform(platform)).join(', ')
  const away = lost.map(({ name, because }) => `; ${name}: ${because}`).join('')
  const why = distinct.map(({ platform, rejected }) => {
    const perNode = nodes.map((node) => `${node.name}: ${reasons(rejected, node).join(', ')}`)
    return distinct.length > 1 ? `${formatPlatform(platform)}: ${perNode.join('; ')}` : perNode.join('; ')
  })
  const count = nodes.length === 1 ? 'the only node cannot run it' : `none of ${nodes.length} nodes can run it`
  return new XbuildError('NO_NODE', `Cannot place ${named}: ${count} (${why.join('; ')}${away})`, {
    hint: hintFor(distinct, nodes),
    at: refusals[0]!.at,
  })
}

function reasons(rejected: readonly Rejected[], node: Node): string[] {
  return rejected.filter((entry) => entry.node === node.name && entry.kind !== 'cross').map(({ because }) => because)
}

/** What the nodes themselves advise, each advice once. */
function hintFor(refusals: readonly Refusal[], nodes: readonly Node[]): string {
  const advice = refusals.flatMap(({ platform }) =>
    nodes.flatMap(({ emulated }) =>
      emulated.flatMap((entry) =>
        entry.status === 'missing' && samePlatform(entry.platform, platform) ? [entry.hint] : [],
      ),
    ),
  )
  if (advice.length === 0 && nodes.some(({ classic }) => classic !== undefined))
    return 'Build on a node with BuildKit, or on this machine: --builder local'
  return (
    [...new Set(advice)].join('; ') ||
    'Add a node that runs the platform, or install QEMU: sudo apt-get install qemu-user-static'
  )
}
