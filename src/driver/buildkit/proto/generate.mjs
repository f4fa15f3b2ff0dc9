#!/usr/bin/env node
// Makes ../gen from the .proto files beside this one, when it is missing or made from others. Needs no network.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const target = join(here, '../gen')

const inputs = readdirSync(here)
  .filter((name) => /\.(proto|yaml|mjs)$/.test(name))
  .sort()
const hash = createHash('sha256')
for (const name of inputs) hash.update(name).update(readFileSync(join(here, name)))
for (const name of ['@bufbuild/buf', '@bufbuild/protoc-gen-es'])
  hash.update(readFileSync(join(packageFolder(name), 'package.json')))
const made = hash.digest('hex')

if (!existsSync(join(target, '.made-from')) || readFileSync(join(target, '.made-from'), 'utf8') !== made) {
  // Beside its place and moved there: two at a time do not disturb each other
  const folder = mkdtempSync(join(here, '../.gen-'))
  try {
    const plugin = {
      local: [process.execPath, join(packageFolder('@bufbuild/protoc-gen-es'), 'bin/protoc-gen-es')],
      out: folder,
    }
    const template = {
      version: 'v2',
      plugins: [{ ...plugin, opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'] }],
    }
    const buf = join(packageFolder('@bufbuild/buf'), 'bin/buf')
    execFileSync(process.execPath, [buf, 'generate', '--template', JSON.stringify(template), here], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    writeFileSync(join(folder, '.made-from'), made)
    chmodSync(folder, 0o755)
    rmSync(target, { recursive: true, force: true })
    try {
      renameSync(folder, target)
    } catch (error) {
      // Somebody else was faster, and made the same
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The folder of a package that npm has installed. */
function packageFolder(name) {
  const found = require.resolve
    .paths(name)
    ?.map((folder) => join(folder, name))
    .find((folder) => existsSync(join(folder, 'package.json')))
  if (!found) throw new Error(`${name} is not installed: run npm ci`)
  return found
}
