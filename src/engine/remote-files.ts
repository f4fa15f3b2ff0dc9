import { compact } from '../compact.ts'
import { fileNameOf, showRemote, type HttpRemote } from '../dockerfile/remote.ts'
import type { Emit } from '../events.ts'
import { createDownloader, type Download } from '../source/http.ts'
import type { RemotesOptions } from './remotes-types.ts'

/** A file behind a URL, in the store. */
export interface RemoteFile {
  readonly path: string
  readonly download: Download
}

/** Files behind URLs. */
export interface RemoteFiles {
  file(remote: HttpRemote, signal: AbortSignal): Promise<RemoteFile>
  close(): void
}

/** Downloads each file once, however many steps want it. */
export function createRemoteFiles({
  store,
  env,
  emit,
  secret = async () => undefined,
  reach = 'all',
}: RemotesOptions): RemoteFiles {
  const downloader = createDownloader({ store, env, secret, reach })
  const files = new Map<string, Promise<RemoteFile>>()

  async function fetchFile({ url, checksum }: HttpRemote, show: string, signal: AbortSignal): Promise<RemoteFile> {
    const report = transferOf(show, fileNameOf(url), emit)
    let moved = false
    const onProgress = (current: number, total?: number) => {
      moved = true
      report(current, total)
    }
    const download = await downloader.download(url, { signal, onProgress, ...(checksum ? { checksum } : {}) })
    if (moved) report(download.size, download.size, true)
    return { path: store.blobs.path(download.digest), download }
  }

  return {
    file(remote, signal) {
      const key = `${remote.checksum ?? ''} ${remote.url}`
      const known = files.get(key) ?? fetchFile(remote, showRemote(remote), signal)
      files.set(key, known)
      return known
    },
    close: () => downloader.close(),
  }
}

/** Tells how much of a file has come. */
function transferOf(id: string, name: string, emit: Emit) {
  return (current: number, total?: number, done = false) =>
    emit({ type: 'transfer', id, name, current, ...compact({ total }), ...(done ? { done } : {}), at: Date.now() })
}
