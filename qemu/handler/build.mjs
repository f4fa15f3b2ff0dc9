#!/usr/bin/env node
// Compiles the handler, and what twins of interpreters are told (guest.c, staying.c, speculate.c), into the folder given, for every CPU that a compiler
// is here for: node qemu/handler/build.mjs dist. Nothing fails without one.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const out = process.argv[2] ?? 'dist'
/** Their sources. */
const LIBRARIES = { guest: ['guest.c', 'staying.c'], speculate: ['speculate.c'] }
const PARTS = readdirSync(here)
  .filter((file) => file.endsWith('.c') && !Object.values(LIBRARIES).flat().includes(file))
  .sort()
const CPUS = {
  x64: { triple: 'x86_64-linux-gnu', flags: ['-fcf-protection=none', '-mgeneral-regs-only'] },
  arm64: { triple: 'aarch64-linux-gnu', flags: ['-mgeneral-regs-only', '-mbranch-protection=none'] },
}
const FLAGS = [
  '-std=gnu11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-fPIE',
  '-fvisibility=hidden',
  '-ffreestanding',
  '-fno-builtin',
  '-fno-stack-protector',
  '-fno-stack-clash-protection',
  '-fno-asynchronous-unwind-tables',
  '-fno-tree-loop-distribute-patterns', // memset is no call of itself
]

for (const [cpu, { triple, flags }] of Object.entries(CPUS)) {
  const own = cpu === process.arch && process.platform === 'linux'
  const tool = (name, plain) =>
    [`${triple}-${name}`, ...(own ? plain : [])].find((program) => spawnSync(program, ['--version']).status === 0)
  const [cc, ld, objcopy] = [tool('gcc', ['cc', 'gcc', 'clang']), tool('ld', ['ld']), tool('objcopy', ['objcopy'])]
  const made =
    cc &&
    ld &&
    objcopy &&
    compile({ cc, ld, objcopy, flags, file: join(out, `handler-${cpu}.bin`) }) &&
    Object.keys(LIBRARIES).every((name) => library(cc, name, cpu))
  if (!made && own)
    console.error(
      'xbuild is built without the handler for native toolchains: it takes a C compiler and binutils. Emulated builds work, and take longer',
    )
}

function library(cc, name, cpu) {
  const file = join(out, `${name}-${cpu}.so`)
  const temp = `${file}.${process.pid}`
  const more = [
    '-fPIC',
    '-shared',
    '-nostdlib',
    '-Wl,--build-id=sha1',
    `-Wl,-soname,${name}.so`,
    '-Wl,-z,noexecstack',
    '-s',
  ]
  const flags = FLAGS.filter((flag) => flag !== '-fPIE')
  const { status, stderr } = spawnSync(
    cc,
    [...flags, ...more, ...LIBRARIES[name].map((source) => join(here, source)), '-o', temp],
    {
      encoding: 'utf8',
    },
  )
  if (status === 0) renameSync(temp, file)
  else console.error(`${cc} could not build the library of twins: ${stderr}`)
  return existsSync(file)
}

function compile({ cc, ld, objcopy, flags, file }) {
  const work = mkdtempSync(join(tmpdir(), 'xbuild-handler-'))
  try {
    const steps = [
      [cc, ...FLAGS, ...flags, '-c', ...PARTS.map((file) => join(here, file))],
      [ld, '-T', join(here, 'handler.ld'), '-o', 'handler.elf', ...PARTS.map((file) => file.replace(/c$/, 'o'))],
      [objcopy, '-O', 'binary', '-j', '.blob', 'handler.elf', 'handler.bin'],
    ]
    for (const [program, ...args] of steps) {
      const { status, stderr } = spawnSync(program, args, { cwd: work, encoding: 'utf8' })
      if (status === 0) continue
      console.error(`${program} could not build the handler: ${stderr}`)
      return false
    }
    mkdirSync(out, { recursive: true })
    const temp = `${file}.${process.pid}`
    copyFileSync(join(work, 'handler.bin'), temp)
    renameSync(temp, file)
    return existsSync(file)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
