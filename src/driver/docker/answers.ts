import type { DockerEngine } from './engine.ts'

/** An engine has this long to remove what was ours: it may never say that it has. Milliseconds. */
const PATIENCE = 10_000

/** What an engine answers, or the signal's reason when that comes first: it may never answer. */
export async function answered<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  asked.catch(() => undefined)
  let stop = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([asked, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The same for what is cleaned up: nobody waits long for it. */
export async function cleaned<T>(asked: Promise<T>, patience: number = PATIENCE): Promise<T> {
  return answered(asked, AbortSignal.timeout(patience))
}

/** Removes a name of an image, as far as the engine does so. */
export async function removeImage(engine: DockerEngine, name: string, patience?: number): Promise<void> {
  const image = engine.api.getImage(name) as unknown as { remove(options: object): Promise<unknown> }
  await cleaned(image.remove({ noprune: true }), patience).catch(() => undefined)
}
