/** Which distribution an image is made of. */
export interface Distribution {
  /** Like `debian`. */
  readonly id: string
  /** Like `trixie`. */
  readonly codename: string
}

/** Reads /etc/os-release (os-release(5)); nothing when it names no distribution with code names. */
export function parseOsRelease(text: string): Distribution | undefined {
  const fields = new Map(
    [...text.slice(0, 16_384).matchAll(/^([A-Z_]+)=(["']?)(.*)\2$/gm)].map(([, key, , value]) => [key!, value!]),
  )
  const id = fields.get('ID')
  const codename = fields.get('UBUNTU_CODENAME') ?? fields.get('VERSION_CODENAME')
  return id && codename && /^[a-z0-9.-]+$/.test(id) && /^[a-z0-9.-]+$/.test(codename) ? { id, codename } : undefined
}
