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
  'run-shm-sized': {
    things: ['/dev'],
    because: 'With a size of its own for /dev/shm BuildKit takes /dev away, which it leaves after any other RUN.',
  },
  'exclude-mixed': {
    things: [
      '/4/a.log',
      '/4/d.log',
      '/4/d.log/a',
      '/4/d.log/b',
      '/4/d/a.log',
      '/4/d/e/a.log',
      '/4/d/e/é.log',
      '/4/d/é.log',
      '/4/é.log',
    ],
    because:
      'Backslashes in --exclude are taken away twice, by the flag and by the word; BuildKit does so once. To be mended.',
  },
  'exclude-classes': { things: ['built'], because: 'As exclude-mixed.' },
  'exclude-malformed-0': { things: ['built'], because: 'As exclude-mixed.' },
  'exclude-not-ascii': {
    things: ['/x/é.log'],
    because:
      'BuildKit reads flags byte by byte, so that a pattern with é leaves nothing out; in .dockerignore it does.',
  },
}
