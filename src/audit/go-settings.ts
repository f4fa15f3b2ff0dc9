import type { FileBytes, Range } from './types.ts'

/** Build information is looked for in so many bytes of a program's data. */
export const GO_BYTES: number = 128 << 10

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')
/** Settings that name the least CPU, by GOARCH. */
const SETTINGS: Readonly<Record<string, RegExp>> = {
  amd64: /^build\tGOAMD64=(v[2-4])$/m,
  arm: /^build\tGOARM=([5-7])\b/m,
}

/** The least variant of its architecture that a Go program runs on, as it says itself (Go 1.18 and later). */
export function goVariant(file: FileBytes, { offset, length }: Range, architecture: string): string | undefined {
  const setting = SETTINGS[architecture]
  const at = setting && file.find(MAGIC, offset, length)
  const text = at === undefined ? undefined : file.at(at, offset + length - at)
  if (!setting || !text) return undefined
  const found = setting.exec(text.toString('latin1'))?.[1]
  return found === undefined || found.startsWith('v') ? found : `v${found}`
}
