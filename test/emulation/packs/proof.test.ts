import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ARCHITECTURES } from '../../../src/emulation/architectures.ts'
import { readElf, readElfFile } from '../../../src/emulation/packs/elf.ts'
import { handlerProof, TWIN_STATUS } from '../../../src/emulation/packs/proof.ts'
import { probeProgram } from '../../../src/emulation/probe-program.ts'

test.each(ARCHITECTURES.map((architecture) => [architecture.name, architecture] as const))(
  'a proof for %s: the program has the build-id that its rules are called by',
  (_, architecture) => {
    const { program, name, files } = handlerProof(architecture, 'amd64')!
    const id = readElf(program)?.id
    expect(files.map(({ path }) => path)).toEqual([`step/names/${name}`, `step/rules/${id}`, 'packs/twin'])
    expect(readElf(probeProgram(architecture))).toEqual({ needed: [], loaded: expect.any(Array) })
  },
)

test('of a file on disk only parts are read, with the same result', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-elf-'))
  try {
    const file = join(folder, 'program')
    const { program } = handlerProof(ARCHITECTURES[0]!, 'amd64')!
    writeFileSync(file, program)
    expect(readElfFile(file)).toEqual(readElf(program))
    writeFileSync(file, program.subarray(0, 70)) // its headers are missing
    expect(readElfFile(file)).toBeUndefined()
    writeFileSync(file, 'no program')
    expect(readElfFile(file)).toBeUndefined()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  ['amd64', 121, TWIN_STATUS],
  ['arm64', 120, 0xd2800000 + TWIN_STATUS * 32],
])('the twin on %s exits with another status', (own, offset, word) => {
  const twin = handlerProof(ARCHITECTURES[0]!, own)!.files.find(({ path }) => path === 'packs/twin')!
  expect(twin.content.readUInt32LE(offset)).toBe(word)
  expect(twin.mode).toBe(0o755)
})

test('there is none where there is no handler', () => {
  expect(handlerProof(ARCHITECTURES[0]!, 's390x')).toBeUndefined()
})
