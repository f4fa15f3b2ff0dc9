import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { exists } from '../../host/files.ts'
import { runProgram } from '../../host/spawn.ts'
import { BINFMT_FOLDER } from '../handlers.ts'

/** Whether the kernel's handlers are in force; `off`: somebody switched all of them off. */
export type BinfmtState = 'on' | 'off' | 'not mounted'

/** Looks, changes nothing. */
export async function binfmtState(folder: string = BINFMT_FOLDER): Promise<BinfmtState> {
  const text = await readFile(join(folder, 'status'), 'utf8').catch(() => undefined)
  if (text === undefined) return 'not mounted'
  return text.trim() === 'enabled' ? 'on' : 'off'
}

/**
 * Mounts binfmt_misc unless it is; says whether it did. Throws HOST when the kernel has none, and when handlers are
 * switched off.
 */
export async function openBinfmt(): Promise<boolean> {
  const state = await binfmtState()
  if (state === 'on') return false
  if (state === 'off') {
    throw new XbuildError('HOST', 'Cannot register handlers: all handlers of this machine are switched off', {
      hint: `Switch them on: echo 1 | sudo tee ${BINFMT_FOLDER}/status`,
    })
  }
  if (!(await exists(BINFMT_FOLDER))) await runProgram('modprobe', ['binfmt_misc']).catch(() => undefined)
  try {
    await runProgram('mount', ['-t', 'binfmt_misc', 'binfmt_misc', BINFMT_FOLDER])
  } catch (cause) {
    const { output = [] } = cause as XbuildError
    throw new XbuildError('HOST', 'Cannot register handlers: binfmt_misc cannot be mounted', {
      cause,
      output,
      hint: 'Load the kernel module: sudo modprobe binfmt_misc; a kernel built without BINFMT_MISC has none',
    })
  }
  return true
}

/** Registers one handler; a handler of its name must be gone. Throws HOST. */
export async function register(name: string, registration: string): Promise<void> {
  await write('register', registration, `register handler "${name}"`)
}

/** Removes a handler from the kernel. Throws HOST. */
export async function unregister(name: string): Promise<void> {
  await write(name, '-1', `remove handler "${name}"`)
}

async function write(file: string, text: string, action: string): Promise<void> {
  try {
    await writeFile(join(BINFMT_FOLDER, file), text)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const denied = code === 'EACCES' || code === 'EPERM'
    throw new XbuildError(
      'HOST',
      `Cannot ${action}: ${denied ? 'root is required' : code === 'EROFS' ? '/proc is read-only here' : message}`,
      {
        cause,
        ...(denied || code === 'EROFS'
          ? { hint: 'Run it as root, outside of containers (or in a privileged one)' }
          : {}),
      },
    )
  }
}
