'use strict'
// What a Node says of itself and its machine, into the file that is named: of the image's, under QEMU, and of its sibling's (make-node.ts)
const os = require('os')
const fs = require('fs')
const { header, sharedObjects } = process.report.getReport()
const { arch, glibcVersionRuntime, glibcVersionCompiler, wordSize, osMachine } = header
const [{ model, speed } = { model: 'unknown', speed: 0 }] = os.cpus()

/** What compilers of two CPUs round in two ways, at numbers that programs ask for; node.cjs knows of which. */
const NAMES =
  'acos acosh asin asinh atan atanh cbrt cos cosh exp expm1 log log1p log10 log2 sin sinh tan tanh'.split(' ')
const numbers = Buffer.alloc(NAMES.length * 7122 * 8)
let at = 0
for (const name of NAMES) {
  for (let n = -1024; n <= 4096; n++) at = numbers.writeDoubleLE(Math[name](n), at)
  for (let n = -1000; n <= 1000; n++) at = numbers.writeDoubleLE(Math[name](n / 10), at)
}

const says = {
  arch: process.arch,
  version: process.version,
  versions: process.versions,
  release: process.release,
  features: process.features,
  endianness: os.endianness(),
  config: process.config,
  machine: os.machine(),
  cpu: { model, speed },
  report: { header: { arch, glibcVersionRuntime, glibcVersionCompiler, wordSize, osMachine }, sharedObjects },
  numbers: numbers.toString('base64'),
  cpuinfo: fs.readFileSync('/proc/cpuinfo', 'latin1'),
}
fs.writeFileSync(process.argv[2], JSON.stringify(says))
