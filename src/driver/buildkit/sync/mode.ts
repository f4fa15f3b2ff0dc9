/** The bits of Go's os.FileMode, which the packets carry. */
export const GO_MODE = {
  dir: 0x8000_0000,
  symlink: 1 << 27,
  device: 1 << 26,
  fifo: 1 << 25,
  socket: 1 << 24,
  setuid: 1 << 23,
  setgid: 1 << 22,
  charDevice: 1 << 21,
  sticky: 1 << 20,
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
