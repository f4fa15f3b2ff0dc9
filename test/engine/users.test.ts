import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveOwner, resolveUser } from '../../src/engine/worker/users.ts'
import { tempFolder } from '../support/temp-folder.ts'

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n:x:5:5::/:\nword:x:abc:1::/:/\n1234:x:50:60::/n:/\nhuge:x:99999999999:1::/:/\nnogroup-user:x:70:\n  spaces:x:80:81::/s:/ \n'
const GROUP = 'root:x:0:root\nadm:x:4:root\nstaff:x:50:app,other\nwheel:x:10:other,app\nbad:x:y:app\n1000:x:77:\n'

function image(files: Readonly<Record<string, string>> = { passwd: PASSWD, group: GROUP }): string {
  const root = tempFolder()
  mkdirSync(join(root, 'etc'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'etc', name), text)
  return root
}

test.each([
  ['', { uid: 0, gid: 0, additionalGids: [0, 4], home: '/root' }],
  ['root', { uid: 0, gid: 0, additionalGids: [0, 4], home: '/root' }],
  ['app', { uid: 1000, gid: 1001, additionalGids: [1001, 50, 10], home: '/home/app' }],
  ['1000', { uid: 1000, gid: 1001, additionalGids: [1001, 50, 10], home: '/home/app' }],
  ['app:staff', { uid: 1000, gid: 50, additionalGids: [50], home: '/home/app' }],
  ['app:7', { uid: 1000, gid: 7, additionalGids: [7], home: '/home/app' }],
  ['app:1000', { uid: 1000, gid: 77, additionalGids: [77], home: '/home/app' }],
  ['app:', { uid: 1000, gid: 1001, additionalGids: [1001, 50, 10], home: '/home/app' }],
  [':staff', { uid: 0, gid: 50, additionalGids: [50] }],
  ['4711', { uid: 4711, gid: 0, additionalGids: [0] }],
  ['4711:4712', { uid: 4711, gid: 4712, additionalGids: [4712] }],
  ['1234', { uid: 50, gid: 60, additionalGids: [60], home: '/n' }],
  ['+7:+8', { uid: 7, gid: 8, additionalGids: [8] }],
  ['spaces', { uid: 80, gid: 81, additionalGids: [81], home: '/s' }],
  ['nogroup-user', { uid: 70, gid: 0, additionalGids: [0] }],
])('USER %s', (text, ids) => {
  expect(resolveUser(image(), text)).toEqual(ids)
})

test.each([
  ['nobody', 'NOT_FOUND', /user "nobody": the image's \/etc\/passwd has no such name/],
  ['word', 'NOT_FOUND', /user "word"/],
  ['huge', 'NOT_FOUND', /user "huge"/],
  ['app:bad', 'NOT_FOUND', /group "bad": the image's \/etc\/group/],
  ['4294967296', 'BAD_DOCKERFILE', /the largest id is 2147483647/],
  ['0:99999999999999999999', 'BAD_DOCKERFILE', /the largest id is/],
])('USER %s is refused', (text, code, said) => {
  expect(() => resolveUser(image(), text)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(said), hint: expect.any(String) }),
  )
})

test('without files numbers still work and names do not', () => {
  for (const root of [tempFolder(), image({})]) {
    expect(resolveUser(root, '5:6')).toEqual({ uid: 5, gid: 6, additionalGids: [6] })
    expect(resolveUser(root, '')).toEqual({ uid: 0, gid: 0, additionalGids: [0] })
    expect(() => resolveUser(root, 'root')).toThrow(/no such name/)
  }
})

test('the files are looked for inside the image, through its links', () => {
  const root = image({})
  mkdirSync(join(root, 'usr'))
  writeFileSync(join(root, 'usr/passwd'), 'inside:x:5:6::/:/\n')
  symlinkSync('/usr/passwd', join(root, 'etc/passwd'))
  expect(resolveUser(root, 'inside').uid).toBe(5)
  symlinkSync('/etc/group', join(root, 'etc/group'))
  expect(() => resolveUser(root, '0:root')).toThrow(/too many symbolic links/)
})

test('a file that is a folder, or larger than any list of users, is no list of users', () => {
  const root = image({})
  mkdirSync(join(root, 'etc/passwd'))
  expect(() => resolveUser(root, 'app')).toThrow(/no such name/)
  writeFileSync(join(root, 'etc/group'), '')
  truncateSync(join(root, 'etc/group'), 1 << 30)
  expect(() => resolveUser(root, '0:staff')).toThrow(
    expect.objectContaining({
      code: 'BAD_IMAGE',
      message: "Cannot read the image's /etc/group: it has 1073741824 bytes",
    }),
  )
})

test.each([
  ['app', { uid: 1000, gid: 1001 }],
  ['app:staff', { uid: 1000, gid: 50 }],
  ['55', { uid: 55, gid: 55 }],
  ['55:66', { uid: 55, gid: 66 }],
  [':staff', { uid: 0, gid: 50 }],
  ['1000', { uid: 1000, gid: 1000 }],
  ['1234', { uid: 1234, gid: 1234 }],
  ['1234:', { uid: 1234, gid: 0 }],
  ['app:', { uid: 1000, gid: 0 }],
  ['root:root', { uid: 0, gid: 0 }],
  ['+5:+6', { uid: 5, gid: 6 }],
  ['1:2:3', { uid: 1, gid: 1, unknown: '2:3' }],
  ['nobody', { uid: 0, gid: 0, unknown: 'nobody' }],
  ['app:nothing', { uid: 1000, gid: 1001, unknown: 'nothing' }],
  ['7:nothing', { uid: 7, gid: 7, unknown: 'nothing' }],
  ['nobody:nothing', { uid: 0, gid: 0, unknown: 'nobody' }],
])('--chown=%s', (text, owner) => {
  expect(resolveOwner(image(), text)).toEqual(owner)
})
