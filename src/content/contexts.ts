import type { Records } from '../store/records.ts'
import { openContext, type Context } from './context.ts'
import type { FolderSource } from './sources.ts'

/** The folders of a session, each opened by the first COPY that reads from it, whichever image that is of. */
export interface Contexts {
  open(folder: FolderSource): Promise<Context>
  /** Writes down what the files are for the next build. */
  save(): Promise<void>
}

export function createContexts({ records }: { records: Records }): Contexts {
  const opened = new Map<string, Promise<Context>>()

  function open({ path, ignoreFile }: FolderSource): Promise<Context> {
    const key = JSON.stringify([path, ignoreFile])
    const known =
      opened.get(key) ?? openContext(path, { records, ignoreFiles: ignoreFile === undefined ? [] : [ignoreFile] })
    opened.set(key, known)
    return known
  }

  return {
    open,
    async save() {
      for (const context of await Promise.allSettled(opened.values()))
        if (context.status === 'fulfilled') await context.value.save()
    },
  }
}
