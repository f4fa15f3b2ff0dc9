import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { XbuildError } from '../errors.ts'
import type { Architecture } from './architectures.ts'
import type { Environment } from './emulators.ts'
import type { Launch } from './launch.ts'
import { spawnInNamespace } from './namespace.ts'
import { probeProgram } from './probe-program.ts'

/** Seconds that all probe programs together may take. */
export const PROBE_LIMIT = 30

const RUN_ALL = 'for program do "$program" >/dev/null 2>&1; echo $?; done'

/**
 * Runs the probe program of each architecture, started as `launch` says, and gives back their exit statuses in order;
 * shorter than
 * `architectures` when one hung. `folder` holds the programs meanwhile. Throws HOST when the namespaces cannot be
 * made, CANCELED.
 */
export async function runProbes(
  architectures: readonly Architecture[],
  launch: Pick<Launch, 'kind' | 'handlers'>,
  options: { readonly env: Environment; readonly signal: AbortSignal; readonly folder: string },
): Promise<number[]> {
  await mkdir(options.folder, { recursive: true })
  const folder = await mkdtemp(join(options.folder, '.tmp-probe-'))
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(PROBE_LIMIT * 1000)])
  try {
    const programs = architectures.map(({ name }) => join(folder, name))
    await Promise.all(programs.map((path, index) => writeFile(path, probeProgram(architectures[index]!))))
    await Promise.all([folder, ...programs].map((path) => chmod(path, 0o755))) // whatever the umask is
    const child = await spawnInNamespace(launch.kind, '/bin/sh', ['-c', RUN_ALL, 'sh', ...programs], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: options.env,
      handlers: launch.handlers,
      signal,
    })
    const statuses = (await text(child.stdout!)).split('\n').filter(Boolean).map(Number)
    if (options.signal.aborted) throw new XbuildError('CANCELED', 'Canceled while probing emulators')
    return statuses
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
