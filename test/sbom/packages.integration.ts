import { expect, test } from 'vitest'
import { apkPackages, dpkgPackages } from '../../src/sbom/distributions.ts'

test('a database with more packages than any has is not read to its end, and empty lines are nothing', () => {
  const dpkg = dpkgPackages('Package: a\nVersion: 1\n\n'.repeat(401_000))
  const apk = apkPackages('P:a\nV:1\n\n'.repeat(401_000))
  // One more than a layer keeps: the list says that it was cut
  expect([dpkg.length, apk.length]).toEqual([400_001, 400_001])
  expect(dpkgPackages(`\n \n\t\n${'\n'.repeat(1000)}Package: a\nVersion: 1`)).toHaveLength(1)
  expect(apkPackages(`${'\n'.repeat(1000)}P:a\nV:1`)).toHaveLength(1)
})
