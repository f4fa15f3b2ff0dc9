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
  'archive-file-over-folder': {
    things: ['/dest/a'],
    because: 'The file has the time that the archive gives it; BuildKit gives it that of the folder before it.',
  },
  'owner-too-large': {
    things: ['built'],
    because: 'No kernel takes the number as an owner of a running process; BuildKit makes it root without a word.',
  },
  'run-shm-sized-options': {
    things: ['/dev'],
    because: 'As run-shm-sized.',
  },
  'wildcard-class-of-star': {
    things: ['/0', '/0/*q'],
    because: 'BuildKit does not send the file of the context to itself for [*]q; out of a stage it copies it.',
  },
  'windows-copy-backslash-source': {
    things: ['built'],
    because: 'A backslash parts folders on Windows; BuildKit takes it for an escape when it looks for the file.',
  },
  'windows-copy-relative': {
    things: ['/w/d', '/w/d/f'],
    because: 'A backslash at the end means a folder, as in newer BuildKits; that of Debian loses it and makes a file.',
  },
  'corner-cache-mode': {
    things: ['/mode'],
    because:
      'The folder has the mode that the mount asks for; BuildKit takes from it what the umask of its daemon does.',
  },
  'corner-onbuild-unknown': {
    things: ['built'],
    because: 'No build could use the image: its first step would be unknown.',
  },
  'corner-signal-of-nothing': {
    things: ['built'],
    because: 'Linux has no such signal: no container of the image could be stopped.',
  },
  'corner-archive-removal': {
    things: ['built'],
    because: 'As copy-whiteout-names.',
  },
  'ignore-quirk-1': {
    things: ['/x/x.d', '/x/x.d/y'],
    because:
      'By the manual the last pattern decides, which leaves the file out. BuildKit asks in two ways that disagree here: it makes the folder, and in it the file without its content.',
  },
  'ignore-quirk-3': {
    things: ['/x/d', '/x/d/x', '/x/d/x/a', '/x/d/x/b'],
    because: 'As ignore-quirk-1.',
  },
  'exclude-not-ascii': {
    things: ['/x/d/e/é.log', '/x/d/é.log', '/x/é.log'],
    because:
      'BuildKit reads flags byte by byte, so that a pattern with é leaves nothing out; in .dockerignore it does.',
  },
  'project-limits': {
    things: ['/dev'],
    because: 'As run-shm-sized.',
  },
  'tree-fifos-and-devices': {
    things: ['/t/b', '/u/v/b'],
    because: 'A block device stays one when it is copied; BuildKit makes a character device of it.',
  },
  'project-ignore-all-but': {
    things: ['/src/skip', '/src/skip/c.c'],
    because: 'As ignore-quirk-1.',
  },
}
