/** How layers are compressed. */
export interface Compression {
  readonly type: 'gzip' | 'zstd' | 'uncompressed'
  /** Absent: the usual one of the format. */
  readonly level?: number
  /** Layers of base images, too. */
  readonly force?: boolean
}

/** How an image is written into one output, and under which names; what is absent is as for the others. */
export interface ImageForm {
  /** Names as written; `--tag` takes their place. */
  readonly names?: readonly string[]
  /** `false`: Docker's media types in the place of those of OCI. */
  readonly ociMediaTypes?: boolean
  readonly compression?: Compression
  /** Beside those of `--annotation`, in the same words. */
  readonly annotations?: readonly string[]
  /** Whether `rewrite-timestamp` was said: xbuild does it when SOURCE_DATE_EPOCH is set, and only then. */
  readonly rewriteTimestamp?: boolean
}

/** What only images in a registry or in the store know. */
export interface ImageNaming {
  /** Nothing but digests in the registry: no tag is written. */
  readonly pushByDigest?: boolean
  /** The registries of the names may have any certificate. */
  readonly insecure?: boolean
  /** An image without a name is kept as `PREFIX@DIGEST`. */
  readonly danglingPrefix?: string
}

/** How files are laid out in a folder or a tar archive. */
export interface TreeForm {
  /** A folder for each platform. Default: only for several. */
  readonly platformSplit?: boolean
  /** In front of the names of files that hold attestations. */
  readonly attestationPrefix?: string
}
