import { compact } from '../compact.ts'
import { bool, duration } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import { parseNode, type NodeDefinition, type NodeSettings } from './node.ts'
import { suggest } from '../did-you-mean.ts'
import { usageError } from './values.ts'

/** What can be done with nodes. */
const NODE_VERBS = ['ls', 'inspect', 'add', 'rm', 'use'] as const

/** Milliseconds. */
const LIST_LIMIT = 2000
const INSPECT_LIMIT = 60_000

interface NodeCommon {
  readonly json: boolean
  /** The `nodes` of xbuild.yaml. */
  readonly configured: readonly NodeDefinition[]
  readonly store?: string
  readonly cwd: string
}

/** `xbuild node ...`. */
export type NodeCommand = NodeCommon &
  /** `timeout`: milliseconds for each node. */
  (
    | { readonly verb: 'ls'; readonly timeout: number }
    | { readonly verb: 'inspect'; readonly names: readonly string[]; readonly timeout: number }
    | { readonly verb: 'rm' | 'use'; readonly names: readonly string[] }
    /** `use`: it takes part in every build. */
    | { readonly verb: 'add'; readonly name: string; readonly settings: NodeSettings; readonly use: boolean }
  )

interface NodeValues {
  readonly json: boolean
  readonly platforms: readonly string[]
  readonly slots?: string | undefined
  readonly packs: boolean
  readonly use: boolean
  readonly timeout?: number | undefined
  readonly store?: string | undefined
}

/** Every flag of `xbuild node`. */
export const NODE_FLAGS: { readonly [K in keyof NodeValues]-?: Flag<NodeValues[K]> } = {
  json: { name: 'json', group: 'common', help: 'Print nodes as JSON (ls, inspect)', absent: false, parse: bool },
  use: {
    name: 'use',
    group: 'common',
    help: 'Let the node take part in every build (add)',
    absent: false,
    parse: bool,
  },
  platforms: {
    name: 'platform',
    placeholder: 'OS/ARCH[/VARIANT]',
    repeat: true,
    group: 'common',
    default: 'all that it can run',
    absent: [],
    help: 'Platforms to build on the node (add)',
    parse: (texts) => texts,
  },
  slots: {
    name: 'slots',
    placeholder: 'N',
    group: 'common',
    help: 'Number of jobs that run on the node at the same time (add)',
    default: '4',
    absent: undefined,
    parse: (texts) => texts.at(-1),
  },
  packs: {
    name: 'packs',
    group: 'common',
    absent: false,
    parse: bool,
    help: 'Use the packs of this machine (xbuild pack) in its emulated steps; run xbuild qemu install --packs there first (add)',
  },
  timeout: {
    name: 'timeout',
    placeholder: 'DURATION',
    group: 'common',
    help: 'How long each node may take to answer (ls, inspect)',
    default: '2s for ls, 1m for inspect',
    absent: undefined,
    parse: duration,
  },
  store: FLAGS.store,
}

/** Reads the words and values of `xbuild node`. Throws BAD_OPTION. */
export function readNodeCommand(
  words: readonly string[],
  values: NodeValues,
  common: Pick<NodeCommon, 'configured' | 'cwd'>,
): NodeCommand {
  const [word = 'ls', ...names] = words
  const verb = NODE_VERBS.find((one) => one === word) ?? (word === 'list' ? 'ls' : word === 'remove' ? 'rm' : undefined)
  if (!verb) {
    const near = suggest(word, NODE_VERBS)
    throw usageError(
      `Cannot use "xbuild node ${word}": unknown`,
      near ? `Did you mean xbuild node ${near}?` : `Write xbuild node ${NODE_VERBS.join(', ')}`,
    )
  }
  const { json, store, platforms, slots, packs, use, timeout } = values
  const base = { json, ...compact({ store }), ...common }
  if (verb === 'add') {
    const [name, endpoint, ...more] = names
    if (name === undefined || endpoint === undefined || more.length > 0)
      throw usageError(
        'Cannot add a node: a name and an endpoint are needed',
        'Write it like xbuild node add board ssh://user@board.example',
      )
    const settings = {
      endpoint,
      ...(platforms.length > 0 ? { platforms } : {}),
      ...compact({ slots }),
      ...(packs ? { packs: 'true' } : {}),
    }
    parseNode(name, settings, 'the command line')
    return { ...base, verb, name, settings, use }
  }
  const foreign = [
    ['--use', use],
    ['--platform', platforms.length > 0],
    ['--slots', slots !== undefined],
    ['--packs', packs],
  ].find(([, given]) => given)
  if (foreign)
    throw usageError(`Cannot use "${String(foreign[0])}" with xbuild node ${verb}: it belongs to xbuild node add`)
  if (verb === 'ls') {
    if (names.length > 0)
      throw usageError(
        `Cannot list "${names.join(' ')}": xbuild node ls takes no names`,
        `See one node with xbuild node inspect ${names[0]}`,
      )
    return { ...base, verb, timeout: timeout ?? LIST_LIMIT }
  }
  if (names.length === 0)
    throw usageError(`Cannot ${verb} nodes: no name is given`, `Write it like xbuild node ${verb} NAME`)
  return verb === 'inspect' ? { ...base, verb, names, timeout: timeout ?? INSPECT_LIMIT } : { ...base, verb, names }
}
