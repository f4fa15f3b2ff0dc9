/** One case's meant differences. */
export interface Difference {
  /** Names of what differs (see `support/image.ts`); `built`: only BuildKit builds it. */
  readonly things: readonly string[]
  readonly because: string
}

/**
 * Where xbuild is meant to build otherwise than BuildKit, by case. A difference that is gone must go from here, too.
 */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'copy-whiteout-names': {
    things: ['built'],
    because: 'In a layer such a name is a removal, not a file: BuildKit makes an image in which the file is not there.',
  },
  'hardlink-to-lower-layer': {
    things: ['/tree/a', '/tree/third'],
    because: 'A new name for a file of a lower layer stays a name of it; BuildKit packs a second copy of the file.',
  },
  'heredoc-run-shebang': {
    things: ['/dev'],
    because: 'BuildKit takes the folder of the script away and /dev with it, which it leaves after any other RUN.',
  },
  'heredoc-run-as-user': {
    things: ['/dev'],
    because: 'As heredoc-run-shebang.',
  },
  'platform-of-from': {
    things: ['config.Labels', 'history[1]', 'history[2]', 'history[3]'],
    because:
      'The image is for the platform of its FROM, and so are TARGETARCH and its like; BuildKit leaves them at the platform of the machine.',
  },
  'run-empty': {
    things: ['built'],
    because:
      'BuildKit runs an empty command; a RUN without one is a slip, and saying so costs nobody a build that worked.',
  },
}
