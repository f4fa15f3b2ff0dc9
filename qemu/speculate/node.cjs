'use strict'
/*
 * Runs first in the Node of an image's sibling, which stands in for the image's own (`--accel=speculate`): answers as the image's Node would
 * under QEMU, by what that one said when the pack was made (FACTS), and ends the speculation where nobody can answer exactly.
 * It leaves nothing behind that a program finds: no option, no module, no variable.
 */
const FACTS = JSON.parse('@facts@')

const { defineProperty, freeze, isFrozen, keys } = Object
const { apply, construct } = Reflect
const { indexOf, subarray } = Buffer.prototype
const load = process.dlopen
const own = __filename
const child = require('child_process')
const os = require('os')
const vm = require('vm')
const v8 = require('v8')
const Module = require('module')
const threads = require('worker_threads')
const { pathToFileURL } = require('url')

/** The library beside this file tells the engine, and ends the process. */
function end(reason) {
  load({ exports: {} }, `/dev/.xbuild/end/${reason}`)
}

function set(holder, name, value) {
  const plain = { writable: true, enumerable: false, configurable: true }
  defineProperty(holder, name, { ...(Object.getOwnPropertyDescriptor(holder, name) ?? plain), value })
}

/** Puts a function around another: it looks like it, and is seen by all who ask later. */
function wrap(holder, name, handler) {
  const inner = holder?.[name]
  if (typeof inner === 'function') set(holder, name, new Proxy(inner, handler))
}

function refuse(holder, names, what) {
  for (const name of names) wrap(holder, name, { apply: () => end(what ?? name), construct: () => end(what ?? name) })
}

/* ---- nothing of this is seen ---- */

function hide(list) {
  const at = list?.indexOf(own) ?? -1
  if (at > 0 && list[at - 1] === '--require') list.splice(at - 1, 2)
}

hide(process.execArgv)
const named = process._preload_modules
if (named?.includes(own)) named.splice(named.indexOf(own), 1)
delete require.cache[own]
if (module.parent) module.parent.children = module.parent.children?.filter((one) => one !== module)

if (/(?:^|\s)(?:-r|--(?:require|import|loader|experimental-loader)\b)/.test(process.env.NODE_OPTIONS ?? ''))
  end('NODE_OPTIONS names modules that are loaded first')

/* ---- the machine ---- */

set(process, 'arch', FACTS.arch)
set(process, 'config', isFrozen(process.config) ? frozen(FACTS.config) : FACTS.config)

const { cpus } = os
set(os, 'cpus', function () {
  return cpus().map((one) => ({ ...one, model: FACTS.cpu.model, speed: FACTS.cpu.speed }))
})

const { getReport } = process.report
process.report.getReport = (error) => {
  const report = getReport.call(process.report, error)
  Object.assign(report.header, FACTS.report.header)
  hide(report.header.commandLine)
  for (const one of report.header.cpus ?? []) Object.assign(one, FACTS.cpu)
  report.sharedObjects = [...FACTS.report.sharedObjects]
  return report
}
refuse(process.report, ['writeReport'], 'it writes a diagnostic report')

function frozen(value) {
  if (typeof value !== 'object' || value === null) return value
  for (const key of keys(value)) frozen(value[key])
  return freeze(value)
}

/* ---- other threads ---- */

const { Worker } = threads
const InThread = new Proxy(Worker, {
  construct(target, [file, options, ...rest], self) {
    const execArgv = options?.execArgv && ['--require', own, ...options.execArgv]
    return construct(target, [file, execArgv ? { ...options, execArgv } : options, ...rest], self === InThread ? target : self)
  },
})
set(threads, 'Worker', InThread)

let hooked = false
wrap(Module, 'register', {
  apply(target, self, args) {
    if (!hooked) apply(target, self, [pathToFileURL(own).href])
    hooked = true
    return apply(target, self, args)
  },
})

/* ---- what V8 makes for a CPU ---- */

const coded = (options) => options && typeof options === 'object' && (options.produceCachedData || options.cachedData)
const Script = new Proxy(vm.Script, {
  construct(target, args, self) {
    if (coded(args[1])) end('it uses code that V8 compiled for a CPU (cachedData)')
    return construct(target, args, self === Script ? target : self)
  },
})
refuse(vm.Script.prototype, ['createCachedData'], 'it keeps code that V8 compiled for a CPU (createCachedData)')
vm.Script.prototype.constructor = Script
set(vm, 'Script', Script)
wrap(vm, 'compileFunction', {
  apply(target, self, args) {
    if (coded(args[2])) end('it uses code that V8 compiled for a CPU (cachedData)')
    return apply(target, self, args)
  },
})
refuse(vm.SourceTextModule?.prototype, ['createCachedData'], 'it keeps code that V8 compiled for a CPU (createCachedData)')
refuse(v8, ['setFlagsFromString'], 'it changes flags of V8')
refuse(v8, ['writeHeapSnapshot', 'getHeapSnapshot'], 'it writes a heap snapshot')
refuse(v8, ['cachedDataVersionTag'], 'it asks for the version of code that V8 compiles for a CPU')
refuse(process, ['binding', '_linkedBinding'], 'it uses process.binding')
refuse(require('inspector'), ['open'], 'it opens the inspector')

// The cache is for the CPU, and no more than a cache: without a folder of its own it is off
wrap(Module, 'enableCompileCache', {
  apply(_target, _self, [folder]) {
    if (folder !== undefined) end('it keeps code that V8 compiled for a CPU (enableCompileCache)')
    return { status: Module.constants.compileCacheStatus.DISABLED }
  },
})

/* ---- numbers ---- */

/** Compilers fuse multiplications and additions of these for the image's CPU: some results have another last bit. */
const ROUGH =
  'acos acosh asin asinh atan atanh atan2 cbrt cos cosh exp expm1 log log1p log10 log2 sin sinh tan tanh'.split(' ')
const MOST = 24
const told = new Map()
const { spawnSync } = child
const { execPath } = process
const hex = (number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(number)
  return bytes.toString('hex')
}

/** Results that the image's Node gave when the pack was made, where they are others than here: of these numbers all are known. */
const tried = (number) =>
  Number.isInteger(number) ? number >= -1024 && number <= 4096 : Math.abs(number) <= 100 && Math.round(number * 10) / 10 === number

/** What the image's Node says, under QEMU; few questions are asked, since each starts it. */
function ask(name, args) {
  const question = `${name}(${args.map(hex)})`
  let answer = told.get(question)
  if (answer !== undefined) return answer
  if (told.size >= MOST) end(`it calculates much with Math.${name}`)
  const script = `const read=(t)=>Buffer.from(t,'hex').readDoubleBE();const b=Buffer.alloc(8);b.writeDoubleBE(Math.${name}(...${JSON.stringify(args.map(hex))}.map(read)));process.stdout.write(b.toString('hex'))`
  const { stdout, status } = spawnSync(execPath, ['-e', script], {
    env: { XBUILD_EMULATED: '1' },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'latin1',
  })
  if (status !== 0 || !/^[0-9a-f]{16}$/.test(stdout)) end(`nobody says what Math.${name} is`)
  answer = Buffer.from(stdout, 'hex').readDoubleBE()
  told.set(question, answer)
  return answer
}

const isPlain = (number) => number === 0 || !Number.isFinite(number)

function withNumbers(math) {
  for (const name of ROUGH)
    wrap(math, name, {
      apply(target, self, args) {
        const numbers = args.slice(0, target.length).map(Number)
        if (numbers.length < target.length || numbers.some(Number.isNaN) || (target.length === 1 && isPlain(numbers[0])))
          return apply(target, self, numbers)
        const [number] = numbers
        if (numbers.length > 1 || !tried(number)) return ask(name, numbers)
        const other = FACTS.numbers[name]?.[hex(number)]
        return other === undefined ? apply(target, self, numbers) : Buffer.from(other, 'hex').readDoubleBE()
      },
    })
}

/** Relaxed SIMD of WebAssembly may round as the CPU likes; all else of it is exact, but for the sign of NaN. */
function checkWasm(source) {
  const bytes = ArrayBuffer.isView(source)
    ? Buffer.from(source.buffer, source.byteOffset, source.byteLength)
    : source?.byteLength !== undefined
      ? Buffer.from(source)
      : undefined
  if (bytes && isRelaxed(bytes)) end('it has WebAssembly with relaxed SIMD')
}

/** Only code is searched: sections are told by their numbers. */
function isRelaxed(bytes) {
  const number = (at) => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * 2 ** shift
      if (byte < 128) break
    }
    return [value, at]
  }
  for (let at = 8; at < bytes.length; ) {
    const kind = bytes[at]
    const [size, from] = number(at + 1)
    at = from + size
    if (kind !== 10) continue
    const code = apply(subarray, bytes, [from, at])
    for (let found = -1; (found = apply(indexOf, code, [0xfd, found + 1])) >= 0; ) {
      if (code[found + 1] >= 0x80 && code[found + 1] <= 0x93 && code[found + 2] === 0x02) return true
    }
  }
  return false
}

function withWasm(wasm) {
  if (!wasm) return
  wrap(wasm, 'Module', {
    construct(target, args, self) {
      checkWasm(args[0])
      return construct(target, args, self)
    },
  })
  for (const name of ['compile', 'instantiate'])
    wrap(wasm, name, {
      apply(target, self, args) {
        checkWasm(args[0])
        return apply(target, self, args)
      },
    })
  refuse(wasm, ['compileStreaming', 'instantiateStreaming'], 'it compiles WebAssembly that is still read')
}

withNumbers(Math)
withWasm(globalThis.WebAssembly)

/* ---- other realms have numbers of their own ---- */

const { createContext, runInContext } = vm
const realms = new WeakSet()

function makeContext(...args) {
  const context = apply(createContext, vm, args)
  if (realms.has(context)) return context
  realms.add(context)
  withNumbers(runInContext('Math', context))
  withWasm(runInContext("typeof WebAssembly === 'undefined' ? undefined : WebAssembly", context))
  return context
}

wrap(vm, 'createContext', { apply: (_target, _self, args) => makeContext(...args) })

function contextFor(object, options) {
  if (!options || typeof options !== 'object') return makeContext(...(object === undefined ? [] : [object]))
  const { contextName: name, contextOrigin: origin, contextCodeGeneration: codeGeneration, microtaskMode } = options
  const about = Object.fromEntries(
    Object.entries({ name, origin, codeGeneration, microtaskMode }).filter(([, value]) => value !== undefined),
  )
  return makeContext(object === undefined ? {} : object, about)
}

wrap(vm, 'runInNewContext', {
  apply(_target, self, [code, object, options]) {
    const about = typeof options === 'string' ? { filename: options } : options
    if (coded(about)) end('it uses code that V8 compiled for a CPU (cachedData)')
    return apply(runInContext, self, [code, contextFor(object, about), about])
  },
})
const inContext = vm.Script.prototype.runInContext
wrap(vm.Script.prototype, 'runInNewContext', {
  apply: (_target, self, [object, options]) => apply(inContext, self, [contextFor(object, options), options]),
})

Module.syncBuiltinESMExports()
