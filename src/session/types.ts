import type { Emit, UsedPack } from '../driver/driver.ts'

/** The world that a build is given. */
export interface BuildEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Standard input, asked for when the options read from it. */
  readonly stdin?: () => NodeJS.ReadableStream
}

/** What a build made. */
export interface BuildResult {
  /** Digest of the index, or of the manifest when one platform was built and nothing is attested. */
  readonly digest: string
  readonly images: readonly {
    readonly platform: string
    readonly digest: string
    readonly strategy: string
    readonly node: string
    readonly seconds: number
  }[]
  /** Optional platforms that are missing, and why. */
  readonly missing: readonly {
    readonly platform: string
    readonly error: { readonly code: string; readonly message: string }
  }[]
  /**
   * Native toolchains that programs of emulated steps were run from, or on another node could be; `cached`: in an
   * earlier build, whose result is used.
   */
  readonly packs: readonly (UsedPack & { readonly cached: boolean })[]
  readonly tags: readonly string[]
  readonly outputs: readonly { readonly type: string; readonly dest?: string }[]
  /** Folder of the store. */
  readonly stored: string
}
