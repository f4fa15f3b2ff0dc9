import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Architecture, elfMagic } from './architectures.ts'

/** An entry of binfmt_misc: which files go to which program. */
export interface Handler {
  readonly name: string
  readonly enabled: boolean
  readonly interpreter: string
  /**
   * Letters of kernel admin-guide/binfmt-misc; with F the interpreter is open already and works in every root file
   * system.
   */
  readonly flags: string
  readonly offset: number
  readonly magic: Buffer
  readonly mask: Buffer
}

/** Where the kernel's handlers show. */
export const BINFMT_FOLDER = '/proc/sys/fs/binfmt_misc'

/**
 * The handlers that match by magic; empty when binfmt_misc is not mounted. Disabled as a whole means every entry is
 * disabled.
 */
export async function readHandlers(folder: string = BINFMT_FOLDER): Promise<Handler[]> {
  const names = await readdir(folder).catch(() => [])
  const on = (await readFile(join(folder, 'status'), 'utf8').catch(() => '')).trim() === 'enabled'
  const entries = names.filter((name) => name !== 'register' && name !== 'status').sort()
  const texts = await Promise.all(entries.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')))
  return entries.flatMap((name, index) => {
    const handler = parseHandler(name, texts[index] ?? '')
    return handler ? [{ ...handler, enabled: handler.enabled && on }] : []
  })
}

/** Reads the text of an entry file; undefined for one that matches by file extension or is not an entry at all. */
export function parseHandler(name: string, text: string): Handler | undefined {
  const [state, ...lines] = text.split('\n')
  const field = (key: string) =>
    lines
      .find((line) => line.startsWith(key))
      ?.slice(key.length)
      .trim()
  const interpreter = field('interpreter ')
  const magic = field('magic ')
  if ((state !== 'enabled' && state !== 'disabled') || !interpreter || !magic || !/^([0-9a-f]{2})+$/.test(magic))
    return undefined
  const bytes = Buffer.from(magic, 'hex')
  const mask = field('mask ')
  return {
    name,
    enabled: state === 'enabled',
    interpreter,
    flags: field('flags: ') ?? '',
    offset: Number(field('offset ') ?? 0),
    magic: bytes,
    mask: mask ? Buffer.from(mask, 'hex') : Buffer.alloc(bytes.length, 0xff),
  }
}

/** The enabled handler that the executables of an architecture go to. */
export function handlerFor(architecture: Architecture, handlers: readonly Handler[]): Handler | undefined {
  return handlersFor(architecture, handlers).find(({ enabled }) => enabled)
}

/** Every handler that is meant for the executables of an architecture, enabled or not. */
export function handlersFor(architecture: Architecture, handlers: readonly Handler[]): Handler[] {
  const head = elfMagic(architecture)
  return handlers.filter(({ offset, magic, mask }) => {
    if (offset + magic.length > head.length) return false
    return magic.every((byte, index) => ((byte ^ head[offset + index]!) & (mask[index] ?? 0xff)) === 0)
  })
}
