import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { platformOfNodeArch } from '../../../src/platform.ts'
import { type Content, writeFiles } from '../../e2e/support/context.ts'
import { baseLayout } from '../../e2e/support/examples.ts'
import { ordinaryUser } from '../../e2e/support/ordinary-user.ts'
import { type Ended, xbuild } from '../../e2e/support/xbuild.ts'

/** How the steps of a build run: by root on this CPU, by root under an emulator, by an ordinary user on this CPU. */
export const MODES = ['native', 'emulated', 'rootless'] as const

export type Mode = (typeof MODES)[number]

/** Builds of hostile Dockerfiles in every mode. The base image is called `busybox`. */
export interface Sandbox {
  /** Folder of the mode's store. */
  store(mode: Mode): string
  /** Builds a context made of `files`; `args` are more flags. Each call is a context of its own. */
  build(mode: Mode, files: Readonly<Record<string, Content>>, args?: readonly string[]): Promise<Ended>
  /** A copy of a folder that the user of the mode `rootless` can read. */
  give(folder: string, name: string): Promise<string>
}

const OWN = platformOfNodeArch(process.arch).architecture

/** Makes the sandbox for the calling test file: `folder` is one of its own (`tempFolder()`). Call it at the top level. */
export function createSandbox(folder: string): Sandbox {
  const user = ordinaryUser(folder)
  const stores = {
    native: join(folder, 'store'),
    emulated: join(folder, 'store'),
    rootless: join(user.home, '.local/share/xbuild'),
  }
  let copies = 0
  let given: Promise<string> | undefined

  async function build(mode: Mode, files: Readonly<Record<string, Content>>, args: readonly string[] = []) {
    const context = writeFiles(mkdtempSync(join(folder, 'context-')), files)
    const platform = `linux/${mode === 'emulated' ? (OWN === 'arm64' ? 'amd64' : 'arm64') : OWN}`
    const base = await baseLayout('busybox')
    const flags = ['--platform', platform, '--progress', 'plain']
    if (mode !== 'rootless') {
      const all = [...flags, '--build-context', `busybox=oci-layout://${base}`, ...args, context]
      return xbuild(all, { store: stores[mode], cwd: folder })
    }
    const own = await (given ??= user.give(base, 'busybox'))
    copies += 1
    const copy = await user.give(context, `context-${copies}`)
    return user.xbuild([...flags, '--build-context', `busybox=oci-layout://${own}`, ...args, copy])
  }

  return { store: (mode) => stores[mode], build, give: user.give }
}
