import { setMaxListeners } from 'node:events'
import { resolve } from 'node:path'
import type { RegistryConfig } from '../../config/options.ts'
import { openArchive } from '../../content/archive-files.ts'
import { folderFiles } from '../../content/layout-files.ts'
import type { Emit } from '../../events.ts'
import { layoutSource } from '../../image/layout-source.ts'
import { registrySource, type ImageRegistry } from '../../image/registry-source.ts'
import type { ImageSource } from '../../image/source.ts'
import type { ImageName } from '../../oci/image-name.ts'
import { connect } from '../../registry/connect.ts'
import { cleanLine, formatBytes } from '../../ui/text.ts'
import { withSignals } from '../signals.ts'
import type { Terminal } from '../terminal.ts'

/** What a command on images works with. */
export interface ImageEdges {
  readonly registry: ImageRegistry
  /** Opens an image; what was opened is closed with the command. */
  open(name: ImageName, how?: { readonly direct: boolean }): Promise<ImageSource>
  /** Says on stderr what is worth it: warnings, and what was sent. */
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** Runs a command on images: the first signal stops it, and all connections end with it. */
export async function withImages<T>(
  { registries, cwd }: { readonly registries: Readonly<Record<string, RegistryConfig>>; readonly cwd: string },
  terminal: Terminal,
  work: (edges: ImageEdges) => Promise<T>,
): Promise<T> {
  const { env, stderr } = terminal
  const warn = (message: string) => void stderr.write(`warning: ${cleanLine(message)}\n`)
  const emit: Emit = (event) => {
    if (event.type === 'warning') warn(event.message)
    else if (event.type === 'transfer' && event.done)
      stderr.write(`${cleanLine(event.name)} (${formatBytes(event.total ?? event.current)})\n`)
  }
  return withSignals(terminal, {
    onStop: () => stderr.write('Stopping\n'),
    work: async (signal) => {
      setMaxListeners(0, signal)
      const registry = connect({ registries, env, onRetry: warn, reach: 'no-metadata' })
      const opened: ImageSource[] = []
      try {
        return await work({
          registry,
          emit,
          signal,
          async open(name, how = { direct: true }) {
            const source = await openSource(name, { registry, cwd, env, signal, ...how })
            opened.push(source)
            return source
          },
        })
      } finally {
        await Promise.allSettled(opened.map((source) => source.close()))
        await registry.close()
      }
    },
  })
}

async function openSource(
  name: ImageName,
  {
    registry,
    cwd,
    direct,
    env,
    signal,
  }: {
    readonly registry: ImageRegistry
    readonly cwd: string
    readonly direct: boolean
    readonly env: Terminal['env']
    readonly signal: AbortSignal
  },
): Promise<ImageSource> {
  switch (name.kind) {
    case 'registry':
      return registrySource(name.ref, registry, { direct })
    case 'oci':
      return layoutSource(folderFiles(resolve(cwd, name.path)), name.name)
    case 'oci-archive': {
      const files = await openArchive(resolve(cwd, name.path), `oci-archive:${name.path}`)
      return layoutSource(files, name.name, () => files.close())
    }
    case 'docker-daemon':
      return (await import('./daemon.ts')).daemonSource(name.name, { env, signal })
  }
}
