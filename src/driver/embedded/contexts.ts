import { resolve } from 'node:path'
import type { BuildOptions } from '../../config/options.ts'
import { XbuildError } from '../../errors.ts'
import type { Records } from '../../store/records.ts'
import { openContext, type Context } from './context.ts'
import type { FolderSource } from './vertex.ts'

/** The folders of a build: the context and the named ones, each opened by the first COPY that reads from it. */
export interface Contexts {
  open(folder: FolderSource): Promise<Context>
  /** Writes down what the files are for the next build. */
  save(): Promise<void>
}

export function createContexts(options: BuildOptions, { records }: { records: Records }): Contexts {
  const opened = new Map<string, Promise<Context>>()

  function open(folder: FolderSource): Promise<Context> {
    const key = JSON.stringify([folder.name, folder.ignoreFile])
    const known = opened.get(key) ?? openNew(folder)
    opened.set(key, known)
    return known
  }

  function openNew({ name, ignoreFile }: FolderSource): Promise<Context> {
    if (name === undefined) {
      return openContext(resolve(options.cwd, options.context), {
        records,
        ignoreFiles: ignoreFile === undefined ? [] : [ignoreFile],
      })
    }
    const named = options.buildContexts[name]
    if (named?.kind !== 'dir') throw new XbuildError('INTERNAL', `Cannot open the context "${name}" as a folder`)
    return openContext(resolve(options.cwd, named.path), { records, ignoreFiles: [] })
  }

  return {
    open,
    async save() {
      for (const context of await Promise.allSettled(opened.values()))
        if (context.status === 'fulfilled') await context.value.save()
    },
  }
}
