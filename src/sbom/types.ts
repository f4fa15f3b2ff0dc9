/** Who names and numbers a package; the type of its package URL. */
export type Ecosystem = 'deb' | 'apk' | 'rpm' | 'npm' | 'pypi' | 'golang'

/** A package that a file of an image names. Plain JSON. */
export interface Package {
  readonly ecosystem: Ecosystem
  readonly name: string
  readonly version: string
  readonly architecture?: string
  /** As the package itself says, in whatever words. */
  readonly license?: string
  /** The source package, with its version when that differs: `glibc 2.36-9`. */
  readonly source?: string
}

/** Says what distribution an image is: `os-release`. */
export interface Release {
  readonly id: string
  readonly version?: string
}

/** What a file of a layer tells, by its path without a slash at its beginning. Plain JSON. */
export interface Found {
  readonly path: string
  readonly packages?: readonly Package[]
  readonly release?: Release
  /** The file lists packages in a form that is not read. */
  readonly unread?: true
}

/** What the files of one layer tell, kept by the layer's digest. Plain JSON. */
export interface LayerPackages {
  readonly found: readonly Found[]
  /** Paths of symbolic links. */
  readonly links: readonly string[]
  /** Path and target. */
  readonly hardlinks: readonly (readonly [path: string, target: string])[]
  readonly removed: readonly string[]
  readonly opaque: readonly string[]
  /** There was more than is kept. */
  readonly isCut?: true
}
