import { fuse, HEAD } from '../../src/emulation/packs/fuse.ts'

/** A QEMU with the handler, as one piece. */
export function fused(qemu: Buffer, handler: Buffer): Buffer {
  const { head, tail } = fuse(qemu.subarray(0, HEAD), qemu.length, handler)
  return Buffer.concat([head, qemu.subarray(head.length), tail])
}
