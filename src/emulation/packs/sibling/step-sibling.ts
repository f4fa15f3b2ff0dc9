/** The image for this machine's platform that stands in the same index as one that a step is made from. */
export interface StepSibling {
  /** Of the image, as the user wrote it. */
  readonly name: string
  readonly platform: string
  /** Of the sibling's manifest. */
  readonly digest: string
  /** The layers of both that hold a path, unpacked. Throws NOT_FOUND with the reason where they cannot be compared. */
  trees(path: string, signal: AbortSignal): Promise<SiblingTrees>
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
