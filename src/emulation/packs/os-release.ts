/** Which distribution an image is made of. */
export interface Distribution {
  /** Like `debian`. */
  readonly id: string
  /** Like `trixie`. */
  readonly codename: string
}

/** Reads /etc/os-release (os-release(5)); nothing when it names no distribution with code names. */
export function parseOsRelease(text: string): Distribution | undefined {
  const id = fieldOf(text, 'ID')
  const codename = fieldOf(text, 'UBUNTU_CODENAME') ?? fieldOf(text, 'VERSION_CODENAME')
  return id && codename && /^[a-z0-9.-]+$/.test(id) && /^[a-z0-9.-]+$/.test(codename) ? { id, codename } : undefined
}

/** A field of os-release(5), without characters that would disturb a terminal. */
export function fieldOf(text: string, field: string): string | undefined {
  const lines = [...text.slice(0, 16_384).matchAll(/^([A-Z_]+)=(["']?)(.*)\2$/gm)]
  const value = lines.findLast(([, key]) => key === field)?.[3]
  return value !== undefined && /^[ -~]{0,200}$/.test(value) ? value : undefined
}
