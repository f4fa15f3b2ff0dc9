import { ARCHITECTURES, handlerName } from '../architectures.ts'
import { handlersFor, readHandlers } from '../handlers.ts'
import { unregister } from './binfmt.ts'
import { bootFile, forgetForBoot } from './boot-files.ts'
import { assertRoot } from './install.ts'

/**
 * Removes our handlers, and no others, from the kernel and from what is registered at boot. No architectures: all.
 * Throws HOST.
 */
export async function uninstallHandlers(
  architectures: readonly string[],
  { say }: { readonly say: (line: string) => void },
): Promise<void> {
  assertRoot('remove handlers of the whole machine', 'Run it with sudo')
  let removed = 0
  for (const architecture of ARCHITECTURES.filter(
    ({ name }) => architectures.length === 0 || architectures.includes(name),
  )) {
    const name = handlerName(architecture)
    const handlers = handlersFor(architecture, await readHandlers())
    const ours = handlers.some((handler) => handler.name === name)
    if (ours) await unregister(name)
    const file = await forgetForBoot(architecture)
    const theirs = handlers.find((handler) => handler.name !== name && handler.enabled)
    const rest = theirs ? `${theirs.name} was not registered by xbuild and stays` : 'no handler is left for it'
    if (ours || file) {
      removed++
      say(
        `${architecture.name}: removed ${[ours ? name : '', file ? bootFile(architecture) : ''].filter(Boolean).join(' and ')}; ${rest}`,
      )
    } else if (architectures.length > 0)
      say(`${architecture.name}: no handler of xbuild is registered${theirs ? `; ${rest}` : ''}`)
  }
  if (removed === 0 && architectures.length === 0) say('No handler of xbuild is registered')
}
