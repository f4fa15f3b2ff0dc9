import { join } from 'node:path'
import { type NodeDefinition, type NodeSettings, parseNode } from '../config/node.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { userConfigFolder } from '../host/user-folder.ts'
import { readJson, type Environment } from './docker-config.ts'

/** What `xbuild node` keeps for its user. */
export interface SavedNodes {
  readonly nodes: readonly NodeDefinition[]
  /** Names that take part in every build: of nodes, buildx builders, Docker contexts; or endpoints. */
  readonly used: readonly string[]
}

interface SavedFile {
  readonly nodes?: Readonly<Record<string, NodeSettings>>
  readonly used?: readonly string[]
}

/** The file of `xbuild node`. */
export function savedNodesFile(env: Environment): string {
  return join(userConfigFolder(env), 'nodes.json')
}

/** Reads the file of `xbuild node`. Throws BAD_OPTION when it is damaged. */
export async function readSavedNodes(env: Environment): Promise<SavedNodes> {
  const file = savedNodesFile(env)
  const { nodes, used } = await readFileOf(env)
  try {
    return { nodes: Object.entries(nodes).map(([name, settings]) => parseNode(name, settings, file)), used }
  } catch (cause) {
    const error = toXbuildError(cause)
    throw error.with({ code: 'BAD_OPTION', message: `${error.message} (in ${file})` })
  }
}

/** Adds a node, or changes the one of that name. */
export async function saveNode(
  name: string,
  settings: NodeSettings,
  { env, use }: { readonly env: Environment; readonly use: boolean },
): Promise<void> {
  parseNode(name, settings, 'the command line')
  const { nodes, used } = await readFileOf(env)
  await write(env, {
    nodes: { ...nodes, [name]: settings },
    used: use && !used.includes(name) ? [...used, name] : used,
  })
}

/** Removes nodes by name. Throws NOT_FOUND, and nothing is removed then, when one is not there. */
export async function removeSavedNodes(names: readonly string[], env: Environment): Promise<void> {
  const { nodes, used } = await readFileOf(env)
  const missing = names.find((name) => !Object.hasOwn(nodes, name) && !used.includes(name))
  if (missing !== undefined) {
    const known = Object.keys(nodes)
    throw new XbuildError('NOT_FOUND', `Cannot remove node "${missing}": it was not added with xbuild node add`, {
      hint:
        known.length > 0
          ? `The nodes are ${known.join(', ')}`
          : 'Only nodes of xbuild node add can be removed; those of xbuild.yaml are removed there',
    })
  }
  await write(env, {
    nodes: Object.fromEntries(Object.entries(nodes).filter(([name]) => !names.includes(name))),
    used: used.filter((name) => !names.includes(name)),
  })
}

/** From now on these take part in every build, and no others that were added. */
export async function useNodes(names: readonly string[], env: Environment): Promise<void> {
  const { nodes } = await readFileOf(env)
  await write(env, { nodes, used: [...new Set(names)].filter((name) => name !== 'local') })
}

async function readFileOf(env: Environment): Promise<Required<SavedFile>> {
  const file = savedNodesFile(env)
  const { nodes = {}, used = [] } = ((await readJson(file)) ?? {}) as SavedFile
  const settings = Object.values(nodes)
  const good = settings.every(isSettings) && Array.isArray(used) && used.every((name) => typeof name === 'string')
  if (!good)
    throw new XbuildError('BAD_OPTION', `Cannot read "${file}": its content is not in the format of xbuild node`, {
      hint: 'Remove the file, and add the nodes again',
    })
  return { nodes, used }
}

function isSettings(value: unknown): value is NodeSettings {
  const { endpoint, platforms = [], slots = '', packs = '' } = (value ?? {}) as Partial<NodeSettings>
  return (
    typeof endpoint === 'string' &&
    typeof slots === 'string' &&
    typeof packs === 'string' &&
    Array.isArray(platforms) &&
    platforms.every((one) => typeof one === 'string')
  )
}

async function write(env: Environment, file: SavedFile): Promise<void> {
  await writeFileAtomic(savedNodesFile(env), `${JSON.stringify(file, null, 2)}\n`)
}
