import { resolve } from 'node:path'
import type { BuildOptions } from '../../config/options.ts'
import { XbuildError } from '../../errors.ts'
import type { Records } from '../../store/records.ts'
import { openContext, type Context } from './context.ts'

/**
 * The folders of a build: the context and the named ones, each opened by the first COPY that reads from it. `dockerfile` is the full
 * path of the Dockerfile, when it is a file: a `.dockerignore` of its own may lie beside it.
 */
export function createContexts(options: BuildOptions, { records, dockerfile }: { records: Records; dockerfile?: string | undefined }): { open(name?: string): Promise<Context>; save(): Promise<void> } {
  const opened = new Map<string | undefined, Promise<Context>>()

  function open(name?: string): Promise<Context> {
    const known = opened.get(name) ?? openNew(name)
    opened.set(name, known)
    return known
  }

  function openNew(name?: string): Promise<Context> {
    if (name === undefined) {
      return openContext(resolve(options.cwd, options.context), { records, ignoreFiles: dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`] })
    }
    const named = options.buildContexts[name]
    if (named?.kind !== 'dir') throw new XbuildError('INTERNAL', `Cannot open the context "${name}" as a folder`)
    return openContext(resolve(options.cwd, named.path), { records, ignoreFiles: [] })
  }

  return {
    open,
    async save() {
      for (const context of await Promise.allSettled(opened.values())) if (context.status === 'fulfilled') await context.value.save()
    },
  }
}
