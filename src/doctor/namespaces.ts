import { once } from 'node:events'
import { type NamespaceKind, spawnInNamespace } from '../emulation/namespace.ts'
import { toXbuildError } from '../errors.ts'
import { here, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

/** Whether the namespaces of builds can be made: by making them. */
export async function checkNamespaces({ uid, env, signal }: Machine): Promise<Finding[]> {
  const kinds: readonly NamespaceKind[] = uid === 0 ? ['root-native', 'root-emulate'] : ['rootless']
  const failures = await Promise.all(
    kinds.map(async (kind) => {
      try {
        const child = await spawnInNamespace(kind, '/bin/true', [], {
          handlers: [],
          env,
          signal,
          stdio: ['ignore', 'ignore', 'ignore'],
        })
        if (child.exitCode === null) await once(child, 'exit')
        return undefined
      } catch (error) {
        signal.throwIfAborted()
        return { kind, error: toXbuildError(error) }
      }
    }),
  )
  const found = failures.find((failure) => failure !== undefined)
  if (!found)
    return [
      here(
        'namespaces',
        'ok',
        uid === 0 ? 'mount, process and user namespaces can be made' : 'an ordinary user may make namespaces',
      ),
    ]
  const { message, hint } = found.error
  // As root only emulated steps need a user namespace
  return [here('namespaces', found.kind === 'root-emulate' ? 'warning' : 'problem', message, hint ? { fix: hint } : {})]
}
