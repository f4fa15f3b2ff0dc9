import { build } from '../build.ts'
import type { BuildFromSource } from '../emulation/packs/source/from-source.ts'
import { createUi } from '../ui/ui.ts'
import { platformOfNodeArch } from '../platform.ts'
import type { Terminal } from './terminal.ts'

/** What one program of the build may map. Bytes: the largest compilation takes a fifth of it. */
const MEMORY = 8 * 2 ** 30
/** It is ended then: many times of what it takes on a slow machine. Milliseconds. */
const LONGEST = 8 * 3_600_000

/**
 * Builds programs from source as any image is built, in the sandbox of steps: without network, secrets and files of
 * this machine, with limits on time and memory. Steps that were run before are taken from the store.
 */
export function buildFromSource(terminal: Terminal, store: string | undefined): BuildFromSource {
  return async ({ about, expected, dockerfile, folder, output }, { signal }) => {
    const { stderr, env } = terminal
    stderr.write(`Building ${about} from source, which takes ${expected}\n`)
    const ui = await createUi('auto', { stderr, isTTY: stderr.isTTY, env })
    try {
      await build(
        {
          context: folder,
          inlineDockerfile: { text: dockerfile, name: `Dockerfile of ${about}` },
          platforms: [platformOfNodeArch(process.arch)],
          outputs: [{ type: 'local', dest: output }],
          network: 'none',
          accel: 'off',
          ulimits: [{ name: 'as', soft: MEMORY, hard: MEMORY }],
          timeout: LONGEST,
          ...(store === undefined ? {} : { store }),
        },
        { emit: ui.emit, signal, env },
      )
    } finally {
      await ui.finish()
    }
  }
}
