import type { ItemType } from './gc-plan.ts'

/** What is known of a kind of records, beside what is in them. */
interface KindFacts {
  /** As what the records are listed; absent: as records that may go and that keep what they name. */
  readonly type?: ItemType
  /** They are facts about blobs and snapshots, and go with what they are about. */
  readonly follows?: true
  /** They are facts about this machine, tiny and costly to find again: never listed. */
  readonly hidden?: true
}

/** Every kind of records of a store. */
const RECORD_KINDS = {
  /** Images in which an audit found nothing. */
  audits: {},
  /** Base images, by name and platform. */
  bases: { type: 'base' },
  /** What the BuildKit of a node says of itself. */
  'buildkit-facts': {},
  /** Folders of cache mounts. */
  caches: { type: 'mount' },
  /** Digests of downloaded files. */
  digests: {},
  /** Digests of the files of a context. */
  files: { type: 'context' },
  /** Packages of layers, for lists of contents. */
  contents: { follows: true },
  /** Images that nodes built. */
  finished: {},
  /** Which nodes sent a blob. */
  givers: { follows: true },
  /** Named images of the store. */
  images: { type: 'image' },
  /** Which node built an image last. */
  'last-nodes': {},
  /** Manifests that registries gave for a name. */
  manifests: { type: 'base' },
  /** Which programs run on a node. */
  nodes: {},
  /** Repositories that have a blob. */
  origins: { follows: true },
  /** Compressed layers of snapshots; the name is older than native toolchains. */
  packs: { follows: true },
  /** Programs and links of layers, for audits. */
  programs: { follows: true },
  /** How images of runs are to be published that were built, and are not published yet. */
  publications: { type: 'run' },
  /** OCI runtimes that work. */
  runtimes: { hidden: true },
  /** Bytes of snapshots. */
  sizes: { follows: true },
  /** Why steps cannot be run by programs of their image's sibling. */
  speculations: {},
  /** Results of steps. */
  steps: { type: 'step' },
  /** Texts of downloaded files. */
  texts: {},
  /** Trees of downloaded archives and repositories, as layers. */
  trees: {},
  /** What servers say of downloaded files. */
  urls: {},
} as const
RECORD_KINDS satisfies Readonly<Record<string, KindFacts>>

/** The name of a kind of records. */
export type RecordKind = keyof typeof RECORD_KINDS

/** The facts of a kind; another version of xbuild may have left kinds that are not known here. */
export function kindFacts(name: string): KindFacts {
  return Object.hasOwn(RECORD_KINDS, name) ? RECORD_KINDS[name as RecordKind] : {}
}
