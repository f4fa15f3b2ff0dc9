import { toXbuildError } from '../errors.ts'
import { checkDisk } from './disk.ts'
import { here, type Finding } from './finding.ts'
import { checkHandlers } from './handlers.ts'
import { checkIds } from './ids.ts'
import { checkKernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import { checkNamespaces } from './namespaces.ts'
import { checkOverlay } from './overlay.ts'
import { checkPrograms } from './programs.ts'
import { checkSandbox } from './sandbox.ts'
import { checkStore } from './store.ts'
import type { Platform } from '../platform.ts'

/**
 * Looks at everything on this machine, side by side. A check that fails itself is a problem of its name. Throws only
 * what the signal aborted with.
 */
export async function examineMachine(machine: Machine, wanted: readonly Platform[]): Promise<Finding[]> {
  const checks: readonly (readonly [
    name: string,
    check: () => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>,
  ])[] = [
    ['kernel', () => checkKernel(machine.uid)],
    ['programs', () => checkPrograms(machine)],
    ['namespaces', () => checkNamespaces(machine)],
    ['ids', () => checkIds(machine)],
    ['overlay', () => checkOverlay(machine)],
    ['runtime', () => checkSandbox(machine, wanted)],
    ['handlers', () => checkHandlers(machine)],
    ['disk', () => checkDisk(machine.store)],
    ['store', () => checkStore(machine)],
  ]
  const found = await Promise.all(
    checks.map(async ([name, check]) => {
      try {
        return await check()
      } catch (error) {
        machine.signal.throwIfAborted()
        const { message, hint } = toXbuildError(error)
        return here(name, 'problem', message, hint ? { fix: hint } : {})
      }
    }),
  )
  return found.flat()
}
