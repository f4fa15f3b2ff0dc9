import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { FOLDERS, type Touch } from './support/folders.ts'

const src = join(import.meta.dirname, '../src')

const PURE = FOLDERS.filter(({ pure }) => pure).map(({ name }) => name)

/** What each folder may import beside itself. Folders that are not named may import anything. */
const MAY_IMPORT = new Map(
  FOLDERS.flatMap(({ name, imports }) =>
    imports ? [[name, imports.flatMap((one) => (one === 'pure' ? PURE : [one]))] as const] : [],
  ),
)

/** The folders that may use a package, for those packages that not all may use. */
const ONLY_IN = new Map<string, string[]>()
for (const { name, packages = [] } of FOLDERS)
  for (const one of packages) ONLY_IN.set(one, [...(ONLY_IN.get(one) ?? []), name])

/** How a file says that it touches the machine. `import type` touches nothing. */
const TOUCHES: Readonly<Record<Touch, RegExp>> = {
  files: /^(import|export) (?!type)[^;]*?from 'node:fs(\/promises)?'|import\('node:fs/m,
  time: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(Timeout|Interval)\(|'node:timers/,
  network: /^(import|export) (?!type)[^;]*?from 'node:(net|https?|http2|tls|dgram|dns)(\/promises)?'|[^.\w]fetch\(/m,
  process: /\bprocess\.[a-zA-Z]|'node:process'/,
  programs: /^(import|export) (?!type)[^;]*?from '(node:child_process|execa)'|import\('execa'\)/m,
}

/** Folders of driver/ that know nothing of each other. */
const SIBLINGS = ['embedded', 'buildkit', 'docker']

/** What nothing but the program's own ends may import. */
const ENDS = ['session', 'build.ts', 'index.ts', 'version.ts', 'cli', 'action']

/** Ends that the session itself may not import. */
const ABOVE_SESSION = ENDS.filter((end) => !['session', 'version.ts'].includes(end))

interface Import {
  readonly file: string
  readonly spec: string
  /** A top folder or file of src for a relative import, else the package's name. */
  readonly target: string
  readonly typeOnly: boolean
}

/** The text of each file of src, and its imports. */
const TEXTS = new Map(sources().map((file) => [file, readFileSync(join(src, file), 'utf8')]))
const SOURCES = new Map([...TEXTS].map(([file, text]) => [file, importsOf(file, text)]))

test.each([...SOURCES.keys()])('src/%s keeps to the table', (file) => {
  expect(SOURCES.get(file)!.map(problem).filter(Boolean)).toEqual([])
  expect(touchProblems(file, TEXTS.get(file)!)).toEqual([])
})

test('the table names every folder of src, and nothing else', () => {
  const there = new Set([...TEXTS.keys()].map(top))
  expect(FOLDERS.map(({ name }) => name).sort()).toEqual([...there].sort())
})

test('every folder touches what the table says of it', () => {
  const unused = FOLDERS.flatMap(({ name, touches = [] }) => {
    const texts = [...TEXTS].filter(([file]) => top(file) === name).map(([, text]) => withoutComments(text))
    return touches.filter((touch) => !texts.some((text) => TOUCHES[touch].test(text))).map((one) => `${name}: ${one}`)
  })
  expect(unused).toEqual([])
})

test('no files import each other in a circle, not even their types', () => {
  const edges = new Map([...SOURCES].map(([file, imports]) => [file, imports.flatMap(fileOf)]))
  expect(circlesIn(edges)).toEqual([])
})

describe('circles', () => {
  test.each([
    ['two files', { a: ['b'], b: ['a'] }, [['a', 'b']]],
    ['a long way round', { a: ['b'], b: ['c'], c: ['d', 'e'], d: ['b'], e: [] }, [['b', 'c', 'd']]],
    ['none', { a: ['b', 'c'], b: ['c'], c: [] }, []],
  ])('are found: %s', (_, edges, circles) => {
    expect(circlesIn(new Map(Object.entries(edges)))).toEqual(circles)
  })
})

describe('the rules', () => {
  test.each([
    ['plan/place.ts', `import { execa } from 'execa'`],
    ['plan/place.ts', `import { exec } from '../host/exec.ts'`],
    ['plan/place.ts', `const { exec } = await import('../host/exec.ts')`],
    ['oci/digest.ts', `import { readFile } from 'node:fs/promises'`],
    ['oci/digest.ts', `export { parse } from 'yaml'`],
    ['host/files.ts', `import type { Node } from '../plan/types.ts'`],
    ['store/blobs.ts', `import { execa } from 'execa'`],
    ['engine/solve.ts', `import { build } from '../build.ts'`],
    ['content/images.ts', `import { solve } from '../engine/solve.ts'`],
    ['engine/solve.ts', `import type { Driver } from '../driver/driver.ts'`],
    ['driver/buildkit/solve.ts', `import { open } from '../embedded/open.ts'`],
    ['run/dispatch.ts', `import type { Session } from '../session/open.ts'`],
    ['session/attest.ts', `import { run } from '../cli/run.ts'`],
    ['ui/plain.ts', `import { publish } from '../publish/publish.ts'`],
    ['run/dispatch.ts', `import { embeddedDriver } from '../driver/embedded/driver.ts'`],
  ])('refuse in %s: %s', (file, text) => {
    const [edge] = importsOf(file, text)
    expect(edge && problem(edge)).toMatch(/may not|only/)
  })

  test.each([
    ['config/file.ts', `const { parse } = await import('yaml')`],
    ['oci/digest.ts', `import { createHash } from 'node:crypto'`],
    ['engine/solve.ts', `import { exec } from '../host/exec.ts'`],
    ['driver/buildkit/buildkit.ts', `import type { Transport } from '../transport.ts'`],
    ['ui/plain.ts', `import type { BuildEvent } from '../events.ts'`],
    ['cli/main.ts', `const { build } = await import('../build.ts')`],
    ['plan/place.ts', `// import { execa } from 'execa'`],
  ])('allow in %s: %s', (file, text) => {
    expect(importsOf(file, text).map(problem)).toEqual(importsOf(file, text).map(() => undefined))
  })
})

describe('what a file touches', () => {
  test.each([
    ['plan/place.ts', `import { readFileSync } from 'node:fs'`, 'files'],
    ['ui/plain.ts', `import {\n  readFile,\n} from 'node:fs/promises'`, 'files'],
    ['oci/digest.ts', 'const now = new Date()', 'time'],
    ['audit/elf.ts', 'const answer = await fetch(url)', 'network'],
    ['config/file.ts', `const home = process.env['HOME']`, 'process'],
    ['store/blobs.ts', `const { execa } = await import('execa')`, 'programs'],
  ])('is refused in %s: %s', (file, text, touch) => {
    expect(touchProblems(file, text)).toEqual([`${top(file)} may not touch ${touch}`])
  })

  test.each([
    ['plan/place.ts', `import type { Stats } from 'node:fs'`],
    ['oci/digest.ts', '// new Date() is not for here\nconst at = new Date(seconds * 1000)'],
    ['registry/repository.ts', 'this.fetch(url)'],
    ['store/blobs.ts', `import { open } from 'node:fs/promises'`],
  ])('is allowed in %s: %s', (file, text) => {
    expect(touchProblems(file, text)).toEqual([])
  })
})

/** What a file touches that its folder may not. */
function touchProblems(file: string, text: string): string[] {
  const from = top(file)
  const { touches = [] } = FOLDERS.find(({ name }) => name === from) ?? {}
  const code = withoutComments(text)
  return Object.entries(TOUCHES)
    .filter(([touch, pattern]) => !touches.includes(touch as Touch) && pattern.test(code))
    .map(([touch]) => `${from} may not touch ${touch}`)
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

/** What is wrong with an import, if anything. */
function problem({ file, spec, target, typeOnly }: Import): string | undefined {
  const from = top(file)
  if (spec.startsWith('.')) {
    if (target === from) return from === 'driver' ? siblingProblem(file, spec) : undefined
    const refused = from === 'session' ? ABOVE_SESSION : ENDS.includes(from) ? [] : ENDS
    if (refused.includes(target)) return `${from} may not import ${target}: it is at the end of the street`
    const allowed = MAY_IMPORT.get(from)
    if (allowed && !allowed.includes(target)) return `${from} may not import ${target}`
    if (from === 'ui' && !typeOnly && !PURE.includes(target)) return `ui may not import ${target} but for its types`
    if (from === 'run' && target === 'driver' && normalize(join(dirname(file), spec)) !== 'driver/driver.ts')
      return 'run may not import a driver, only its port'
    return undefined
  }
  const only = ONLY_IN.get(spec)
  if (only && !only.includes(from) && !typeOnly) return `only ${only.join(', ')} may import ${spec}`
  if (PURE.includes(from) && spec !== 'node:crypto' && !only?.includes(from))
    return `${from} is pure and may not import ${spec}`
  return undefined
}

/** What is wrong with an import inside of driver/: engines do not import each other. */
function siblingProblem(file: string, spec: string): string | undefined {
  const [own, other] = [file, normalize(join(dirname(file), spec))].map((path) => path.split('/')[1] ?? '')
  if (own === other || !SIBLINGS.includes(own!) || !SIBLINGS.includes(other!)) return undefined
  return `driver/${own} may not import driver/${other}`
}

/** Static imports, re-exports, dynamic imports and import types, as the compiler sees them. */
function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return
    const spec = specifier.text
    found.push({
      file,
      spec,
      target: spec.startsWith('.') ? top(normalize(join(dirname(file), spec))) : spec,
      typeOnly,
    })
  }
  const nested = /\bimport\(/.test(text)
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false)
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    if (nested || ts.isSourceFile(node)) ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, nested ? text : text.slice(0, endOfImports(text)), ts.ScriptTarget.Latest))
  return found
}

/** Where the last line ends that may name a module: the compiler need not read what comes after it. */
function endOfImports(text: string): number {
  const last = [...text.matchAll(/\b(from|import)\s*['"`].*$/gm)].at(-1)
  return last ? last.index + last[0].length : 0
}

/** The file of src that an import names, if it names one. */
function fileOf({ file, spec }: Import): string[] {
  return spec.startsWith('.') ? [normalize(join(dirname(file), spec))] : []
}

/** Groups of files that reach each other by imports (Tarjan's strongly connected components), each sorted. */
function circlesIn(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const visit = (file: string): number => {
    const number = order.size
    order.set(file, number)
    lowest.set(file, number)
    open.push(file)
    for (const next of edges.get(file) ?? []) {
      const reached = !order.has(next) ? visit(next) : open.includes(next) ? order.get(next)! : Infinity
      lowest.set(file, Math.min(lowest.get(file)!, reached))
    }
    if (lowest.get(file) === number) {
      const circle = open.splice(open.indexOf(file))
      if (circle.length > 1) found.push(circle.sort())
    }
    return lowest.get(file)!
  }
  for (const file of edges.keys()) if (!order.has(file)) visit(file)
  return found
}

function sources(): string[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.includes('/gen/'),
  )
}

function top(path: string): string {
  return path.split('/')[0] ?? path
}
