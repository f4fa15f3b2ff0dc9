/** The bits of Go's os.FileMode, which the packets carry. */
export const GO_MODE = {
  dir: 0x8000_0000,
  symlink: 0x800_0000,
  device: 0x400_0000,
  fifo: 0x200_0000,
  socket: 0x100_0000,
  setuid: 0x80_0000,
  setgid: 0x40_0000,
  charDevice: 0x20_0000,
  sticky: 0x10_0000,
} as const

/** `st_mode` of this system as an os.FileMode. */
export function toGoMode(mode: number): number {
  const special =
    (mode & 0o4000 ? GO_MODE.setuid : 0) | (mode & 0o2000 ? GO_MODE.setgid : 0) | (mode & 0o1000 ? GO_MODE.sticky : 0)
  return ((mode & 0o777) | special | typeBits(mode)) >>> 0
}

function typeBits(mode: number): number {
  switch (mode & 0o170000) {
    case 0o040000:
      return GO_MODE.dir
    case 0o120000:
      return GO_MODE.symlink
    case 0o010000:
      return GO_MODE.fifo
    case 0o060000:
      return GO_MODE.device
    case 0o020000:
      return GO_MODE.device | GO_MODE.charDevice
    case 0o140000:
      return GO_MODE.socket
    default:
      return 0
  }
}
