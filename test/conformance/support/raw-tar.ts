/** A member of an archive that no ordinary program makes: nothing of it is ever on this disk. */
export interface RawMember {
  readonly path: string
  readonly type?: 'file' | 'folder' | 'symlink' | 'hardlink' | 'fifo'
  readonly text?: string
  readonly target?: string
  readonly mode?: number
  readonly owner?: readonly [uid: number, gid: number]
}

const FLAGS = { file: '0', hardlink: '1', symlink: '2', folder: '5', fifo: '6' } as const

/** The bytes of a ustar archive; each member is a second younger than the one before. */
export function rawTar(members: readonly RawMember[], firstTime: number): Buffer {
  const blocks = members.flatMap(({ path, type = 'file', text = '', target = '', mode = 0o644, owner }, index) => {
    const header = Buffer.alloc(512)
    const [uid, gid] = owner ?? [0, 0]
    header.write(path, 0)
    for (const [value, at, length] of [
      [mode, 100, 8],
      [uid, 108, 8],
      [gid, 116, 8],
      [Buffer.byteLength(text), 124, 12],
      [firstTime + index, 136, 12],
    ] as const)
      header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
    header.write(FLAGS[type], 156)
    header.write(target, 157)
    header.write('ustar\x0000', 257)
    header.write(' '.repeat(8), 148)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    const data = Buffer.alloc(Math.ceil(Buffer.byteLength(text) / 512) * 512)
    data.write(text)
    return [header, data]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
