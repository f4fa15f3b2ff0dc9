import { ONCE, type Detector, type Proposal } from './detector.ts'
import { installed, type Unit, type UnitCommand } from './unit.ts'

const PACKAGE_MANAGERS: ReadonlySet<string> = new Set(['npm', 'yarn', 'yarnpkg', 'pnpm', 'bun'])
const INSTALLS: ReadonlySet<string> = new Set([
  'install',
  'i',
  'ci',
  'add',
  'fetch',
  'config',
  'set',
  'cache',
  'audit',
  'prune',
  'dedupe',
  'version',
  '--version',
  '-v',
  'init',
  'test',
  'lint',
  'store',
  'pkg',
])
const GENERATORS: ReadonlySet<string> = new Set([
  'vite',
  'tsc',
  'webpack',
  'rollup',
  'esbuild',
  'ng',
  'astro',
  'gatsby',
  'eleventy',
  'hugo',
  'mkdocs',
  'sphinx-build',
  'jekyll',
  'mvn',
  'mvnw',
  'gradle',
  'gradlew',
  'javac',
])
const BESIDE: ReadonlySet<string> = new Set([
  'node',
  'npx',
  'pnpx',
  'bunx',
  'pip',
  'pip3',
  'gem',
  'bundle',
  'java',
  'jar',
  'corepack',
  'sass',
  'tailwindcss',
  'protoc',
])
/** What compiles, or packs a runtime of this machine. */
const NATIVE =
  /^(node-gyp|prebuild|prebuild-install|pkg|nexe|electron-builder|electron-packager|native-image|jlink|jpackage|cargo|go|gcc|make)$/
const COMPILERS = /^(gcc|g\+\+|make|build-base|build-essential|python|python3|python3-dev|node-gyp)$/

/** Stages that make files which are the same for all platforms: web assets, sites, Java archives. */
export const neutral: Detector = {
  kind: 'neutral',
  builds: ({ name, words: [, verb = 'install', ...more] }) =>
    GENERATORS.has(name) ||
    (PACKAGE_MANAGERS.has(name) && !INSTALLS.has(verb) && !verb.startsWith('-')) ||
    (['npx', 'pnpx', 'bunx'].includes(name) && GENERATORS.has(verb)) ||
    (name === 'bundle' && verb === 'exec' && more[0] === 'jekyll'),
  knows: ({ name, words }) =>
    PACKAGE_MANAGERS.has(name) ||
    BESIDE.has(name) ||
    GENERATORS.has(name) ||
    (/^python3?$/.test(name) && words[1] === '-m' && words[2] === 'pip'),
  propose,
}

function propose(unit: Unit): Proposal | string {
  const native = unit.commands.find(
    ({ name, words }) =>
      words.some((word) => NATIVE.test(word) || /^-P.*native|^--compile$|^:?native/.test(word)) ||
      (PACKAGE_MANAGERS.has(name) && words[1] === 'rebuild'),
  )
  if (native) return `line ${native.line} makes something for the machine that it runs on`
  const compiler = unit.commands.find((command) =>
    installed(command).some((name) => COMPILERS.test(name.replace(/=.*/, ''))),
  )
  if (compiler) return `line ${compiler.line} installs a compiler: native addons may be in the result`
  const mixed = unit.taken.find(({ path }) => holdsModules(path, unit))
  if (mixed)
    return `"${mixed.path}" is copied out of it (line ${mixed.line}), which may hold installed packages with native addons: copy only what was made, like dist`
  const last = unit.commands.findLast((command) => neutral.builds(command, unit))!
  return {
    summary: 'its result is the same for all platforms: it is made once, on the build platform',
    win: ONCE,
    left: [`what ${last.words.slice(0, 3).join(' ')} (line ${last.line}) makes holds no native code (*.node, *.so)`],
    neutral: true,
    needed: false,
    apply: () => {},
  }
}

const PACKAGES =
  /(^|\/)(node_modules|\.next(\/standalone)?|\.output|site-packages|\.?venv|env|vendor|\.m2|\.gradle|\.bundle)(\/|$)/

/**
 * Whether installed packages may lie at a path that is copied: it is not below the folder that commands ran in, or is
 * known to hold some.
 */
function holdsModules(path: string, { runs, commands }: Unit): boolean {
  const full = `/${path}`.replace(/\/+/g, '/').replace(/\/$/, '')
  if (PACKAGES.test(full) && !/\/\.next\/static$/.test(full)) return true
  const below = runs.some(({ workdir }) => full.startsWith(workdir === '/' ? '/' : `${workdir}/`) && full !== workdir)
  if (below && runs.some(({ workdir }) => `${workdir}/`.startsWith(`${full}/`))) return true
  const changed = folderOf(commands)
  return (
    !(below && !changed.some((folder) => `${folder}/`.startsWith(`${full}/`))) &&
    !commands.some(({ words }) => words.some((word) => word === full || word.endsWith(`=${full}`)))
  )
}

/** Folders that commands go to: packages may be installed there. */
function folderOf(commands: readonly UnitCommand[]): string[] {
  return commands.flatMap(({ name, words, run }) => {
    const to = name === 'cd' ? words[1] : undefined
    return to === undefined
      ? []
      : [
          to.startsWith('/')
            ? to
            : `${run.stage.instructions.findLast((one) => one.kind === 'workdir')?.path ?? ''}/${to}`,
        ]
  })
}
