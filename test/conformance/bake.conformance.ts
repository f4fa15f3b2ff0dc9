import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dockerRoot } from '../support/docker-root.ts'
import { cacheFolder } from './support/places.ts'

const collection = join(import.meta.dirname, '../config/bake')
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bake-conformance-'))
  cpSync(collection, folder, { recursive: true })
  const buildx = join(await dockerRoot(await cacheFolder()), 'usr/libexec/docker/cli-plugins/docker-buildx')
  execFileSync(process.execPath, [join(folder, 'make-golden.mjs'), buildx], { stdio: 'ignore' })
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

// The unit tests compare xbuild with the golden results; this keeps those true to the buildx that is installed
test.each(['cases.golden.json', 'compose-cases.golden.json', 'functions.golden.json', 'odd-expressions.golden.json'])(
  '%s is what docker buildx says',
  (name) => {
    const read = (place: string) =>
      JSON.parse(readFileSync(join(place, name), 'utf8')) as Readonly<Record<string, unknown>>
    expect(stable(read(folder))).toEqual(stable(read(collection)))
  },
)

// What a clock, a die or the home folder decides has no fixed value
function stable(results: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(results).filter(([key]) => !/uuidv4|timestamp\(\)|homedir/.test(key)))
}
