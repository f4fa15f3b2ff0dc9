#!/usr/bin/env node
// Bundles the program: node src/cli/bundle.mjs. Code that a run does not use costs time even when V8 finds it in its
// cache, so the program is cut into chunks, each a function of its own, in a few files: what most runs use, and the rest.
import { build, transform } from 'esbuild'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'

/**
 * The programs. The first file of one holds what the entry and the files of `first` need; the next ones what the files
 * of `others` need beside it, and all the rest. Only where code lies is decided here: what is not found in one file is
 * loaded from another.
 */
const PROGRAMS = [
  {
    name: 'cli',
    entry: 'src/cli/run.ts',
    first: [
      'src/cli/build.ts',
      'src/build.ts',
      'src/cli/plan.ts',
      'src/session/plan-only.ts',
      'src/session/preflight.ts',
      'src/session/tag-gate.ts',
      'src/driver/connection-failure.ts',
      'src/registry/connect.ts',
      'src/host/http/send.ts',
      'src/emulation/packs/known.ts',
    ],
    others: [
      // What a build needs that has something to do
      [
        'node_modules/execa/index.js',
        'src/engine/run-accelerated.ts',
        'src/engine/pack-source.ts',
        'src/session/attest.ts',
      ],
      ['src/cli/bake.ts', 'src/cli/compose.ts', 'src/cli/images.ts'],
    ],
  },
  { name: 'steps', entry: 'src/engine/worker/main.ts', first: [], others: [] },
  { name: 'image', entry: 'src/cli/image/program.ts', first: ['src/cli/image/create.ts'], others: [] },
]

const OUT = 'dist'
const LEFT_OUT = './src/driver/docker/left-out.ts'

/** As all bundles of the program are made: see bundle-start.mjs. */
const COMMON = { platform: 'node', target: 'node20.19', minifySyntax: true, sourcesContent: false, logLevel: 'warning' }

for (const program of PROGRAMS) {
  const { chunks, groupOf } = await cut(program)
  for (const [group, files] of groupOf.entries())
    await writeGroup(`${program.name}${group === 0 ? '' : `-${group}`}.cjs`, files, chunks)
}

/** The chunks by file name, and the file names of each group, so that each chunk is in the first group that needs it. */
async function cut({ entry, first, others }) {
  const { outputFiles, metafile } = await build({
    ...COMMON,
    entryPoints: [entry],
    bundle: true,
    splitting: true,
    format: 'esm',
    outdir: OUT,
    write: false,
    metafile: true,
    sourcemap: 'inline',
    alias: { ssh2: LEFT_OUT, '@grpc/grpc-js': LEFT_OUT, '@grpc/proto-loader': LEFT_OUT },
    define: { 'import.meta.url': 'importMetaUrl', 'import.meta.dirname': '__dirname' },
  })
  const texts = new Map(outputFiles.map(({ path, text }) => [relativeName(path), text]))
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, about]) => [relativeName(path), about]))
  const fileOf = (source) => {
    for (const [name, { entryPoint }] of outputs) if (entryPoint === source) return name
    throw new Error(`${source} is not loaded by import() from what ${entry} imports: src/cli/bundle.mjs names it`)
  }
  const seen = new Set()
  const reach = (name) => {
    if (seen.has(name)) return []
    seen.add(name)
    const needed = outputs.get(name).imports.filter(({ kind, external }) => kind === 'import-statement' && !external)
    return [...needed.flatMap(({ path }) => reach(relativeName(path))), name]
  }
  const groupOf = [[entry, ...first], ...others].map((sources) => sources.flatMap((source) => reach(fileOf(source))))
  const rest = [...outputs.keys()].flatMap(reach)
  if (rest.length > 0) groupOf.push(rest)
  const places = new Map(groupOf.flatMap((names, group) => names.map((name, index) => [name, [group, index]])))
  const main = places.get(fileOf(entry))
  return { groupOf, chunks: { texts, main, place: (spec) => places.get(relativeName(spec)) } }
}

/** Writes chunks as one CommonJS file: `chunks` makes a list of functions, of which each gives what its chunk exports. */
async function writeGroup(file, names, { texts, place, main }) {
  const functions = []
  const sections = []
  let line = 2
  for (const name of names) {
    const { code, map } = await transform(withoutModules(name, texts.get(name), place), {
      ...COMMON,
      charset: 'ascii',
      minifyWhitespace: true,
      sourcemap: true,
      sourcefile: name,
    })
    const text = `function(){\n${code.trimEnd()}\n}`
    sections.push({ offset: { line: line + 1, column: 0 }, map: JSON.parse(map) })
    line += text.split('\n').length
    functions.push(text)
  }
  const head = `var importMetaUrl=require("node:url").pathToFileURL(__filename).href;\nexports.main=${JSON.stringify(main)};exports.chunks=(__need,__load)=>[`
  const text = `${head}\n${functions.join(',\n')}\n];\n//# sourceMappingURL=${file}.map\n`
  await writeFile(join(OUT, file), text)
  await writeFile(join(OUT, `${file}.map`), JSON.stringify({ version: 3, file, sections }))
}

/**
 * A chunk as the body of a function: `__need(group, index)` gives what another chunk exports, `__load` does so later. Chunks
 * do not import each other in circles, and what they export does not change once it is set, so a plain constant holds
 * an import. No line moves: the source map stays true.
 */
function withoutModules(name, text, place) {
  if (/\b__(need|load|default)\b/.test(text)) throw new Error(`${name} has a name that bundle.mjs uses`)
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.JS)
  const edits = []
  const exported = new Map()
  for (const node of source.statements) {
    if (ts.isImportDeclaration(node)) edits.push([node, importText(node, place)])
    else if (ts.isExportAssignment(node)) {
      edits.push([node, `const __default = ${node.expression.getText()};`])
      exported.set('default', '__default')
    } else if (ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier) throw new Error(`${name} exports from another chunk`)
      for (const one of node.exportClause.elements) exported.set(one.name.text, (one.propertyName ?? one.name).text)
      edits.push([node, ''])
    }
  }
  const locals = new Set(exported.values())
  const visit = (node) => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      edits.push([node, loadText(node.arguments[0], place)])
    if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind) && locals.has(node.left.text))
      throw new Error(`${name} exports ${node.left.text}, which changes`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  let result = text
  for (const [node, replacement] of edits.sort(([a], [b]) => b.getStart() - a.getStart())) {
    const old = node.getText()
    const lines = '\n'.repeat(old.split('\n').length - replacement.split('\n').length)
    result = result.slice(0, node.getStart()) + replacement + lines + result.slice(node.getEnd())
  }
  const given = [...exported].map(([as, local]) => `${JSON.stringify(as)}: ${local}`).join(', ')
  const map = result.lastIndexOf('//# sourceMappingURL=')
  return `${result.slice(0, map)}return { ${given} };\n${result.slice(map)}`
}

function isAssignment(kind) {
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment
}

function importText({ importClause, moduleSpecifier }, place) {
  const from = needText(moduleSpecifier, place)
  if (!importClause) return `${from};`
  const { name, namedBindings } = importClause
  const isBuiltin = !place(moduleSpecifier.text)
  const texts = []
  if (name) texts.push(`${name.text} = ${from}${isBuiltin ? '' : '.default'}`)
  if (namedBindings && ts.isNamespaceImport(namedBindings)) texts.push(`${namedBindings.name.text} = ${from}`)
  else if (namedBindings) {
    const names = namedBindings.elements.map((one) => `${(one.propertyName ?? one.name).text}: ${one.name.text}`)
    texts.push(`{ ${names.join(', ')} } = ${from}`)
  }
  return `const ${texts.join(', ')};`
}

function needText(specifier, place) {
  const found = place(specifier.text)
  if (found) return `__need(${found.join(', ')})`
  if (specifier.text.startsWith('.')) throw new Error(`There is no chunk ${specifier.text}`)
  return `require(${JSON.stringify(specifier.text)})`
}

function loadText(argument, place) {
  if (!argument || !ts.isStringLiteral(argument)) throw new Error('import() of something that is computed')
  const found = place(argument.text)
  if (found) return `__load(${found.join(', ')})`
  // What is Node's own has no default export of that name
  return `Promise.resolve().then(() => { const one = ${needText(argument, place)}; return { __proto__: one, default: one } })`
}

function relativeName(path) {
  return path.split('/').at(-1)
}
