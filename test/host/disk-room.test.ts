import { expect, test } from 'vitest'
import { createRoomMeter, type Room } from '../../src/host/disk-room.ts'

const MiB = 1 << 20
const GiB = 1 << 30

test.each<[state: string, room: Room, fits: boolean]>([
  ['an empty disk', { free: 100 * GiB, total: 100 * GiB }, true],
  ['a large disk with two GiB left', { free: 2 * GiB, total: 1000 * GiB }, true],
  ['a large disk with one GiB left', { free: GiB, total: 1000 * GiB }, false],
  ['a small disk with half a percent left', { free: 5 * MiB, total: 1000 * MiB }, false],
  ['a full disk', { free: 0, total: GiB }, false],
])('%s', (_, room, fits) => {
  const unpack = () => createRoomMeter('/store', { readRoom: () => room })(1)
  if (fits) expect(unpack).not.toThrow()
  else
    expect(unpack).toThrow(expect.objectContaining({ code: 'HOST', message: expect.stringContaining('nearly full') }))
})

test('it looks at the beginning, and every 32 MiB', () => {
  let looks = 0
  const meter = createRoomMeter('/store', { readRoom: () => ({ free: (looks += 1) * GiB + GiB, total: 100 * GiB }) })
  for (let chunk = 0; chunk < 65; chunk += 1) meter(MiB)
  expect(looks).toBe(3)
})

test('where little is left it looks before that is used up', () => {
  let free = 40 * MiB
  const meter = createRoomMeter('/store', { readRoom: () => ({ free, total: 1000 * MiB }) })
  const write = () => {
    for (;;) {
      meter(MiB / 4)
      free -= MiB / 4
    }
  }
  expect(write).toThrow('the disk is nearly full (10 MiB are left)')
})
