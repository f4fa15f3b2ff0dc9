/** An image reference, normalised as Docker does: `docker.io/library/alpine:3`. */
export interface Reference {
  /** `docker.io`, `127.0.0.1:5000`, ... */
  readonly host: string
  /** `library/alpine` */
  readonly repository: string
  readonly tag?: string
  readonly digest?: string
}
