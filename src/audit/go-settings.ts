/** Build information is looked for in so many bytes of a program's data. */
export const GO_BYTES: number = 128 << 10

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')
/** Settings that name the least CPU, by GOARCH. */
const SETTINGS: Readonly<Record<string, RegExp>> = {
  amd64: /^build\tGOAMD64=(v[2-4])$/m,
  arm: /^build\tGOARM=([5-7])\b/m,
}

/** The least variant of its architecture that a Go program runs on, as it says itself (Go 1.18 and later). */
export function goVariant(data: Buffer | undefined, architecture: string): string | undefined {
  const setting = SETTINGS[architecture]
  const at = setting && data ? data.indexOf(MAGIC) : -1
  if (!setting || !data || at < 0) return undefined
  const found = setting.exec(data.toString('latin1', at))?.[1]
  return found === undefined || found.startsWith('v') ? found : `v${found}`
}
