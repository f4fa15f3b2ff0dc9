import { compact } from '../compact.ts'
import type { Layer } from '../content/layer-chain.ts'
import { keyOf } from '../store/key.ts'
import { newSnapshotId } from './layers.ts'
import { locateRemote, type Located } from './locate-remote.ts'
import { createRemoteFiles } from './remote-files.ts'
import type { Remotes, RemotesOptions } from './remotes-types.ts'
import type { Solved } from './solved.ts'
import { locateError, stepStart } from './step-events.ts'
import type { RemoteVertex } from './vertex.ts'

/** What the store remembers of a tree. */
interface TreeRecord {
  readonly layer: Layer
  readonly created: string
  readonly time?: number
}

/** Brings repositories, archives and files from where they are. See `remotes.ts`. */
export function fetchRemotes(options: RemotesOptions): Remotes {
  const files = createRemoteFiles(options)
  const trees = new Map<string, Promise<Solved>>()
  const locate = (vertex: RemoteVertex, signal: AbortSignal) => locateRemote(vertex, { ...options, files }, signal)
  return {
    tree(vertex, signal) {
      const known = trees.get(vertex.id) ?? makeTree(vertex, { ...options, locate, signal })
      trees.set(vertex.id, known)
      return known
    },
    file: files.file,
    digest: (tree, what, signal) => digestOf(tree, what, { ...options, signal }),
    readText: (tree, path, { limit, signal }) => textOf(tree, path, { ...options, limit, signal }),
    close: files.close,
  }
}

type TreeOptions = RemotesOptions & {
  readonly locate: (vertex: RemoteVertex, signal: AbortSignal) => Promise<Located>
  readonly signal: AbortSignal
}

/** The layer of a tree: the one in the store when the tree has not changed. */
async function makeTree(vertex: RemoteVertex, options: TreeOptions): Promise<Solved> {
  const { store, layers, emit, locate, signal } = options
  const step = vertex.id
  emit(stepStart(vertex))
  try {
    const { key, revision, bring } = await locate(vertex, signal)
    const known = await store.records.get<TreeRecord>('trees', key)
    const cached = known !== undefined && (await layers.isThere(known.layer))
    const made = cached ? known : await makeLayer(bring, options)
    if (!cached) await store.records.put('trees', key, made satisfies TreeRecord)
    emit({ type: 'step.done', step, cached, at: Date.now() })
    return { key, layers: [made.layer], created: made.created, revision, ...compact({ time: made.time }) }
  } catch (thrown) {
    const error = locateError(thrown, vertex, signal)
    emit({ type: 'step.fail', step, error, at: Date.now() })
    throw error
  }
}

async function makeLayer(bring: Located['bring'], { workers, signal }: TreeOptions): Promise<TreeRecord> {
  const id = newSnapshotId()
  const worker = await workers.files()
  let layer: Layer = { id, empty: true }
  const time = await bring(async (source, unpack) => {
    const { empty, contentKey } = await worker.call(
      'copy',
      { id, lowers: [], source, inline: [], dest: '/', unpack },
      { signal },
    )
    layer = { id, empty, ...(contentKey ? { contentKey } : {}) }
  })
  return { layer, created: new Date().toISOString(), ...compact({ time }) }
}

async function digestOf(
  tree: Solved,
  { sources, excludes }: { readonly sources: readonly string[]; readonly excludes: readonly string[] },
  { store, layers, workers, signal }: RemotesOptions & { readonly signal: AbortSignal },
): Promise<string> {
  const key = keyOf(['digest', tree.key, sources, excludes])
  const known = await store.records.get<{ digest: string }>('digests', key)
  if (known) return known.digest
  const lowers = await layers.unpacked(tree.layers, signal)
  const worker = await workers.files()
  const found = await worker.call('digest', { lowers, sources, excludes }, { signal })
  await store.records.put('digests', key, found)
  return found.digest
}

async function textOf(
  tree: Solved,
  path: string,
  { store, layers, workers, limit, signal }: RemotesOptions & { readonly limit: number; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const key = keyOf(['text', tree.key, path])
  const known = await store.records.get<{ text: string }>('texts', key)
  if (known) return known.text
  const lowers = await layers.unpacked(tree.layers, signal)
  const worker = await workers.files()
  const { text } = await worker.call('readFile', { lowers, path, limit }, { signal })
  if (text !== undefined) await store.records.put('texts', key, { text })
  return text
}
