import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { recipesFolder } from '../../../src/emulation/packs/recipes.ts'
import { withFacts } from '../../../src/emulation/packs/sibling/make-node.ts'

/*
 * The script runs in the Node of this test: it takes another CPU's for its own. Without the library beside it, ending the
 * speculation is an error that names the reason.
 */
const folder = mkdtempSync(join(tmpdir(), 'xbuild-speculate-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const script = join(folder, 'preload.cjs')
const FACTS = {
  arch: 'mips',
  config: { target_defaults: {}, variables: { host_arch: 'mips' } },
  cpu: { model: 'somebody', speed: 7 },
  report: { header: { arch: 'mips', glibcVersionRuntime: '9.9' }, sharedObjects: ['/lib/own.so'] },
  numbers: { cos: { '3ff0000000000000': '3fe0000000000000' } },
}
writeFileSync(script, withFacts(readFileSync(join(recipesFolder(), '../speculate/node.cjs'), 'utf8'), FACTS))

async function node(code: string, options: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const args = ['--require', script, ...options, '-e', code]
  const { NODE_OPTIONS: _, ...plain } = process.env
  const done = promisify(execFile)(process.execPath, args, { env: { ...plain, ...env } })
  const { stdout, stderr } = await done.catch((error: { stdout: string; stderr: string }) => error)
  return /dev\/\.xbuild\/end\/(.+?): cannot open shared object/.exec(stderr)?.[1] ?? (stdout.trim() || stderr.trim())
}

const say = (expression: string) => `console.log(JSON.stringify(${expression}))`

test('the program is told the CPU of the image, everywhere it asks', async () => {
  const told = await node(
    say(`[process.arch, os.arch(), process.config.variables.host_arch, os.cpus()[0]?.model ?? 'somebody',
      process.report.getReport().header.glibcVersionRuntime, process.report.getReport().sharedObjects]`),
  )
  expect(JSON.parse(told)).toEqual(['mips', 'mips', 'mips', 'somebody', '9.9', ['/lib/own.so']])
  expect(await node(`import('node:os').then((os) => console.log(os.arch()))`)).toBe('mips')
})

test('it finds nothing of the script', async () => {
  const seen = say(`[process.execArgv.slice(0, -2), process._preload_modules, Object.keys(require.cache)]`)
  expect(JSON.parse(await node(seen, ['--no-warnings']))).toEqual([['--no-warnings'], [], []])
})

test('threads and module hooks are told, too', async () => {
  const thread = (options: string) =>
    node(
      `new (require('worker_threads').Worker)("console.log(process.arch, process.execArgv)", { eval: true${options} })`,
    )
  expect(await thread('')).toMatch(/^mips \[/)
  expect(await thread(", execArgv: ['--no-warnings']")).toBe("mips [ '--no-warnings' ]")
  const hooks = join(folder, 'hooks.mjs')
  writeFileSync(hooks, `import { writeSync } from 'node:fs'\nwriteSync(1, process.arch)\n`)
  expect(await node(`require('module').register(${JSON.stringify(`file://${hooks}`)})`)).toBe('mips')
})

test('numbers that compilers round in two ways are those of the image', async () => {
  expect(
    await node(say('[Math.cos(1), Math.cos(2) === Math.cos(2), Math.log(NaN), Math.sin(0), Math.sqrt(2) > 1]')),
  ).toBe('[0.5,true,null,0,true]')
  expect(await node(`require('vm').runInNewContext('Math.cos(x)', { x: 1 }) === 0.5 && console.log('so')`)).toBe('so')
  expect(await node(`console.log(new (require('vm').Script)('Math.cos(1)').runInNewContext())`)).toBe('0.5')
})

test.each([
  [`process.dlopen({ exports: {} }, '/dev/.xbuild/end/so')`, 'so'],
  [
    `new (require('vm').Script)('1', { produceCachedData: true })`,
    'it uses code that V8 compiled for a CPU (cachedData)',
  ],
  [`new (require('vm').Script)('1').createCachedData()`, 'it keeps code that V8 compiled for a CPU (createCachedData)'],
  [
    `require('vm').compileFunction('1', [], { produceCachedData: true })`,
    'it uses code that V8 compiled for a CPU (cachedData)',
  ],
  [`require('v8').setFlagsFromString('--no-opt')`, 'it changes flags of V8'],
  [`require('v8').writeHeapSnapshot()`, 'it writes a heap snapshot'],
  [`process.binding('fs')`, 'it uses process.binding'],
  [`process.report.writeReport()`, 'it writes a diagnostic report'],
  [
    `new WebAssembly.Module(Buffer.from('0061736d01000000' + '0a05' + '01fd850201', 'hex'))`,
    'it has WebAssembly with relaxed SIMD',
  ],
])('%s ends the speculation', async (code, reason) => {
  expect(await node(code)).toBe(reason)
})

test('options that load modules first end it', async () => {
  expect(await node(say('1'), [], { NODE_OPTIONS: '--import=data:text/javascript,1' })).toBe(
    'NODE_OPTIONS names modules that are loaded first',
  )
  expect(await node(say('1'), [], { NODE_OPTIONS: '--max-old-space-size=500' })).toBe('1')
})

test('WebAssembly that is exact stays', async () => {
  // Bytes of relaxed SIMD outside of code do not count
  const code = `new WebAssembly.Module(Buffer.from('0061736d01000000' + '0006' + '01' + '78' + 'fd850201', 'hex')) && console.log('made')`
  expect(await node(code)).toBe('made')
})
