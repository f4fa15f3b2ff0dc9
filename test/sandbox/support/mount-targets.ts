import type { Harmless } from './harmless.ts'

/** What a step can put where a mount was, once a folder above it is moved away; `$1` is the path. */
const REPLACEMENTS: Readonly<Record<string, readonly string[]>> = {
  'links outwards': [
    'ln -s @/f $1',
    'ln -s ../../../../../../../..@/f $1',
    'ln -s @/sock $1',
    'ln -s @/pipe $1',
    'ln -s @/dev $1',
    'ln -s @/d/d $1',
  ],
  'other files': [
    'echo kept > /kept && ln /kept $1',
    'ln -s @/f /link && ln /link $1',
    'mkfifo $1',
    // Only root of the machine can make devices
    'mknod $1 c 1 3 || touch $1',
    'mkdir $1',
    'ln -s $1 $1',
  ],
}

const KINDS = { secrets: 'type=secret,id=s', 'ssh agents': 'type=ssh' } as const

/** Where a mount is, and which folder above it is moved away with it. */
const PLACES = [
  ['/a/f', '/a'],
  ['/b/d/f', '/b/d'],
  ['/c/d/f', '/c'],
  ['/e/d/e/f', '/e/d/e'],
  ['/g/d/e/f', '/g/d'],
  ['/h/d/e/f', '/h'],
] as const

const step = (mount: string, commands: readonly string[]) => {
  const mounts = PLACES.map(([target]) => `--mount=${mount},target=${target}`)
  return `RUN ${mounts.join(' ')} ${commands.join(' && ')}`
}

/** Secrets and agents are mounted; the step then puts something else in the place of each, at several depths. */
export const REPLACED: readonly Harmless[] = Object.entries(KINDS).flatMap(([kind, mount]) => [
  ...Object.entries(REPLACEMENTS).flatMap(([what, commands]) =>
    // Each command at half of the depths, in turn
    [0, 1].map((turn) => ({
      name: `${what} in the place of ${kind}, ${turn + 1}`,
      lines: [
        step(mount, [
          'away() { mv $2 $2-moved && mkdir -p $(dirname $1); }',
          ...PLACES.map(([target, moved], index) => {
            const command = commands[(index + turn * 3) % commands.length]!
            return `away ${target} ${moved} && { ${command.replaceAll('$1', target)}; }`
          }),
        ]),
      ],
    })),
  ),
  {
    name: `links in the place of folders above ${kind}`,
    lines: [
      step(
        mount,
        PLACES.map(([, moved]) => `mv ${moved} ${moved}-moved && ln -s @${moved.slice(2)} ${moved}`),
      ),
    ],
  },
])
