/** The image for this machine's platform that stands in the same index as one that a step is made from. */
export interface StepSibling {
  /** Of the image, as the user wrote it. */
  readonly name: string
  readonly platform: string
  /** Of the sibling's manifest. */
  readonly digest: string
  /** The layers of both that hold a path, unpacked. Throws NOT_FOUND with the reason where they cannot be compared. */
  trees(path: string, signal: AbortSignal): Promise<SiblingTrees>
  /** Both images layer by layer. Throws NOT_FOUND where they do not have the same number of layers. */
  images(signal: AbortSignal): Promise<SiblingImages>
}

/** An image and its sibling, whose layers are fetched one by one. */
export interface SiblingImages {
  /** The number of the layer in which a file, or a link to one, of the image is seen; nothing where there is none. */
  layerWith(path: string): number | undefined
  /** A layer of both, unpacked: as `SiblingTrees`. */
  layer(index: number, signal: AbortSignal): Promise<Pick<SiblingTrees, 'target' | 'sibling' | 'layer'>>
  /** Runs a program of the image, under QEMU, or over these layers of its sibling. As that of `SiblingTrees`. */
  run(
    command: SiblingCommand,
    options: { readonly layers?: readonly number[]; readonly signal: AbortSignal },
  ): Promise<Buffer>
}

/** Two layers, unpacked: folders that hold what their images' authors put there, links included. */
export interface SiblingTrees {
  readonly target: string
  readonly sibling: string
  /** Digest of the sibling's layer. */
  readonly layer: string
  /** Runs a program of the sibling in a container that has this layer, no network, and nothing of this machine. */
  run(command: SiblingCommand, options: { readonly signal: AbortSignal }): Promise<Buffer>
}

/** A program to run, and the one file that it makes. */
export interface SiblingCommand {
  readonly argv: readonly string[]
  /** Is made. */
  readonly cwd: string
  readonly env: readonly string[]
  /** Files that it finds, by absolute path. */
  readonly files: readonly { readonly path: string; readonly content: string }[]
  /** Absolute. */
  readonly output: string
}
