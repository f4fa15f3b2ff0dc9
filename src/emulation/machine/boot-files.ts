import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, writeFileAtomic } from '../../host/files.ts'
import { type Architecture, handlerName } from '../architectures.ts'

/** Where the handlers of this machine's own lie that are registered at boot (binfmt.d(5)). */
const OWN_FOLDER = '/etc/binfmt.d'

/** All folders of that kind, strongest first: a file hides those of its name in the later ones. */
const BOOT_FOLDERS: readonly string[] = [
  OWN_FOLDER,
  '/run/binfmt.d',
  '/usr/local/lib/binfmt.d',
  '/usr/lib/binfmt.d',
  '/lib/binfmt.d',
]

/** Programs that register what lies there: systemd's, OpenRC's. */
const READERS = ['/usr/lib/systemd/systemd-binfmt', '/lib/systemd/systemd-binfmt', '/etc/init.d/binfmt']

const HEAD = '# Written by xbuild qemu install; xbuild qemu uninstall removes it.\n'

/**
 * The file of our handler for an architecture. Its name sorts after those of others: who registers last is asked
 * first.
 */
export function bootFile(architecture: Architecture, folder: string = OWN_FOLDER): string {
  return join(folder, `${handlerName(architecture)}.conf`)
}

/** The text of such a file, from `binfmtRegistration`. */
export function bootText(registration: string): string {
  return `${HEAD}${registration}\n`
}

/** The names of the handlers that a file of binfmt.d registers. */
export function handlerNames(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines
    .filter((line) => line !== '' && !/^[#;]/.test(line))
    .flatMap((line) => line.slice(1).split(line[0]!)[0] || [])
}

/** Writes the file unless it is there with the same text. Says whether it did. */
export async function keepForBoot(architecture: Architecture, registration: string): Promise<boolean> {
  const file = bootFile(architecture)
  if ((await readFile(file, 'utf8').catch(() => undefined)) === bootText(registration)) return false
  await writeFileAtomic(file, bootText(registration))
  return true
}

/** Removes the file. Says whether there was one. */
export async function forgetForBoot(architecture: Architecture): Promise<boolean> {
  const file = bootFile(architecture)
  if (!(await exists(file))) return false
  await rm(file, { force: true })
  return true
}

/** Whether something on this machine reads those files when it starts. */
export async function isReadAtBoot(): Promise<boolean> {
  return (await Promise.all(READERS.map(exists))).includes(true)
}

/** Which file registers which handler, by the handler's name. */
export async function readBootFiles(folders: readonly string[] = BOOT_FOLDERS): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const seen = new Set<string>()
  for (const folder of folders) {
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.conf') && !seen.has(name))
    for (const name of names) {
      seen.add(name)
      const file = join(folder, name)
      for (const handler of handlerNames(await readFile(file, 'utf8').catch(() => '')))
        if (!found.has(handler)) found.set(handler, file)
    }
  }
  return found
}
