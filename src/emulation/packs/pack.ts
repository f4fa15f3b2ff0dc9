import { createHash } from 'node:crypto'
import type { NamedPack } from '../../provenance/facts.ts'

/** What a pack is: everything that its digest stands for. Plain JSON. */
export interface PackManifest {
  readonly format: 1
  /** Name of the recipe. */
  readonly recipe: string
  /** Like `debian trixie`. */
  readonly distribution: string
  /** GOARCH of the programs that have twins here. */
  readonly architecture: string
  /** Debian's name of the architecture that the twins run on. */
  readonly host: string
  /** The source that the program and its twin were both built from. */
  readonly source: { readonly name: string; readonly version: string }
  readonly packages: readonly {
    readonly name: string
    readonly version: string
    readonly architecture: string
    readonly sha256: string
  }[]
  /** Of a pack that is good for one image only: whose programs it has. */
  readonly sibling?: PackSibling
  /** Its twins may end the attempt of a step, which is then run again under QEMU. */
  readonly speculative?: true
  readonly files: readonly PackFile[]
  readonly twin: TwinOf
  /** Further programs of the same packages. */
  readonly others?: readonly TwinOf[]
}

/** The image that the programs of a pack are from, which stands in one index with that of those which have twins. */
export interface PackSibling {
  /** Digest of its manifest. */
  readonly manifest: string
  readonly layer: string
  /** Digest over all that is equal in both images. */
  readonly tree: string
}

/**
 * Build-id of a program, its path in the image's packages, and the rules to start its twin; `{pack}` stands for the
 * pack's folder.
 */
export interface TwinOf {
  readonly id: string
  readonly program: string
  readonly rules: readonly string[]
}

export interface PackFile {
  /** From the pack's folder on. */
  readonly path: string
  readonly size: number
  /** Hex. */
  readonly sha256: string
}

/** A pack in the store. */
export interface Pack {
  readonly manifest: PackManifest
  /** Hex SHA-256 of the manifest. */
  readonly digest: string
  readonly folder: string
}

/** The text that the digest is of. */
export function manifestText(manifest: PackManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`
}

export function packDigest(manifest: PackManifest): string {
  return createHash('sha256').update(manifestText(manifest)).digest('hex')
}

/** Like `cc1 (gcc-14 14.2.0-19)`, or `go-image (the image's linux/amd64 go1.24.4)`. */
export function packName({ recipe, source }: PackManifest): string {
  return `${recipe} (${source.name} ${source.version})`
}

/** What is told of a pack that steps used: its name for people and the parts of it, and its digest. */
export function namedPack({ manifest, digest }: Pick<Pack, 'manifest' | 'digest'>): Required<NamedPack> {
  const { recipe, source } = manifest
  return {
    name: packName(manifest),
    digest: `sha256:${digest}`,
    recipe,
    source: { name: source.name, version: source.version },
  }
}

/** Bytes of a pack. */
export function packSize({ files }: PackManifest): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}

/** Where packs appear in a container. */
export const PACKS_IN_CONTAINER = '/dev/.xbuild/packs'

/** Every program that a pack has a twin of. */
export function twinsIn({ twin, others = [] }: Pick<PackManifest, 'twin' | 'others'>): readonly TwinOf[] {
  return [twin, ...others]
}

/** The rules for one of its programs, by build-id, as the handler reads them. */
export function rulesText({ manifest, digest }: Pick<Pack, 'manifest' | 'digest'>, id: string): string {
  const { rules } = twinsIn(manifest).find((one) => one.id === id) ?? manifest.twin
  return rules.map((line) => `${line.replaceAll('{pack}', `${PACKS_IN_CONTAINER}/${digest}`)}\n`).join('')
}
