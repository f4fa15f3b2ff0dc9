// Writes docs/cli/, docs/errors.md, xbuild.schema.json and the table of src/README.md from the tables of commands,
// settings, error codes and folders.
// With --check it writes nothing, names what is stale, and ends with exit code 1.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'

const docs = import.meta.dirname
const FOLDERS_BEGIN = '<!-- Made by "npm run generate:docs" from test/support/folders.ts. -->'
const FOLDERS_END = '<!-- End of the table. -->'
const FLAGS_BEGIN = '<!-- Made by "npm run generate:docs" from src/config/flags-of-others.ts. -->'
const FLAGS_END = '<!-- End of the tables. -->'
const NOTE = '<!-- Made by "npm run generate:docs". Do not edit. -->'

const { COMMANDS, ENVIRONMENT, ERROR_CODES, fileSchema, FLAGS_OF_OTHERS, FOLDERS, RESERVED, flagHelp } =
  await loadTables()
const pages = new Map([
  ['cli/README.md', commandList()],
  ...COMMANDS.map((command) => [`cli/${command.name}.md`, commandPage(command)]),
  ['errors.md', errorPage()],
  ['../xbuild.schema.json', `${JSON.stringify(fileSchema(), null, 2)}\n`],
  ['../src/README.md', withFolders(readText(join(docs, '../src/README.md')))],
  ['migrating.md', withFlags(readText(join(docs, 'migrating.md')))],
])
const gone = readdirSync(join(docs, 'cli')).filter((name) => !pages.has(`cli/${name}`))
const stale = [...pages].filter(([name, text]) => readText(join(docs, name)) !== text).map(([name]) => name)
if (!process.argv.includes('--check')) {
  for (const name of stale) writeFileSync(join(docs, name), pages.get(name))
  for (const name of gone) rmSync(join(docs, 'cli', name))
} else if (stale.length + gone.length > 0) {
  const names = [...stale, ...gone.map((name) => `cli/${name}`)].map((name) => join('docs', name))
  console.error(`Not as the tables say: ${names.join(', ')}\nRun "npm run generate:docs", and commit what it wrote`)
  process.exitCode = 1
}

/** The tables are TypeScript: they are bundled into a file that lasts as long as its import. */
async function loadTables() {
  const folder = mkdtempSync(join(docs, '.generate-'))
  try {
    const outfile = join(folder, 'tables.mjs')
    buildSync({
      stdin: {
        contents: `export { COMMANDS } from './cli/commands.ts'
export { ENVIRONMENT, flagHelp } from './cli/help.ts'
export { fileSchema } from './config/schema.ts'
export * as FLAGS_OF_OTHERS from './config/flags-of-others.ts'
export { RESERVED } from './cli/reserved.ts'
export { FOLDERS } from '../test/support/folders.ts'
export { ERROR_CODES } from './error-codes.ts'`,
        resolveDir: join(docs, '../src'),
      },
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      outfile,
      logLevel: 'warning',
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** src/README.md with the table of folders as the test of the architecture has it. */
function withFolders(text) {
  const pure = FOLDERS.filter((folder) => folder.pure).map(({ name }) => name)
  const rows = FOLDERS.map(({ name, idea, imports, packages = [], pure: isPure, touches = [] }) => [
    `\`${name}${name.endsWith('.ts') ? '' : '/'}\``,
    idea,
    [...(imports?.map((one) => (pure.includes(one) || one.endsWith('.ts') ? `\`${one}\`` : one)) ?? ['anything'])]
      .concat(packages.map((one) => `\`${one}\``))
      .join(', ') || 'nothing',
    isPure ? 'pure' : touches.join(', ') || 'nothing',
  ])
  return between(text, FOLDERS_BEGIN, FOLDERS_END, table(['folder', 'one idea', 'may import', 'touches'], rows))
}

/** migrating.md with a row for each flag of the other tools; flags that are the same share a line. */
function withFlags(text) {
  const { BUILDX_FLAGS, BUILDAH_FLAGS, KANIKO_FLAGS, SAME } = FLAGS_OF_OTHERS
  const section = ([title, flags]) => {
    const names = (isSame) => Object.keys(flags).filter((name) => (flags[name] === SAME) === isSame)
    const listed = (name) => `\`--${name}\``
    const rows = names(false).map((name) => [listed(name), flags[name]])
    return `## Flags of ${title}\n\nThe same here: ${names(true).map(listed).join(', ')}.\n\n${table(['flag', 'here'], rows)}`
  }
  const made = [
    ['docker buildx build and docker build', BUILDX_FLAGS],
    ['buildah build and podman build', BUILDAH_FLAGS],
    ['kaniko', KANIKO_FLAGS],
  ]
  return between(text, FLAGS_BEGIN, FLAGS_END, made.map(section).join('\n\n'))
}

function between(text, begin, end, made) {
  const [before, rest = ''] = text.split(begin)
  return `${before}${begin}\n\n${made}\n\n${end}${rest.slice(rest.indexOf(end) + end.length)}`
}

function commandList() {
  const rows = COMMANDS.map(({ name, help }) => [`[\`xbuild ${name}\`](${name}.md)`, help])
  const other = Object.entries(RESERVED).map(([name, hint]) => [`\`${name}\``, hint])
  return page('Commands', [
    'Without the name of a command, `xbuild` builds.',
    table(['command', 'what it does'], rows),
    '## Commands of other tools',
    'These are commands of docker, buildx, buildah or podman that xbuild does not have. A folder of such a name is written `./NAME`.',
    table(['command', 'here'], other),
  ])
}

function commandPage({ name, usage, help, flags, isLong, examples }) {
  const shown = flags.filter(({ hidden }) => !hidden)
  const listOf = (group) => flagTable(shown.filter((flag) => flag.group === group))
  const options = isLong
    ? ['## Options', listOf('common'), '## Advanced options', listOf('advanced')]
    : ['## Options', flagTable(shown)]
  const environment = isLong
    ? [
        '## Environment',
        table(
          ['variable', 'meaning'],
          ENVIRONMENT.map(([key, text]) => [`\`${key}\``, text]),
        ),
      ]
    : []
  const lines = examples
    ?.split('\n')
    .slice(1)
    .map((line) => line.replace(/^ {2}/, ''))
    .join('\n')
    .trim()
  return page(`xbuild ${name}`, [
    help,
    `\`\`\`text\n${usage}\n\`\`\``,
    ...options,
    ...environment,
    ...(lines
      ? ['## Examples', `<!-- not run: needs your own image names and registry -->\n\`\`\`sh\n${lines}\n\`\`\``]
      : []),
  ])
}

function flagTable(flags) {
  const rows = flags.map((flag) => [
    `${flag.short ? `\`-${flag.short}\`, ` : ''}\`--${flag.name}${flag.placeholder ? ` ${flag.placeholder}` : ''}\``,
    flagHelp(flag),
    flag.env ? `\`${flag.env}\`` : '',
    flag.key ? `\`${flag.key}\`` : '',
  ])
  const used = ['flag', 'meaning', 'environment', 'xbuild.yaml']
    .map((title, index) => ({ title, index }))
    .filter(({ index }) => rows.some((row) => row[index] !== ''))
  return table(
    used.map(({ title }) => title),
    rows.map((row) => used.map(({ index }) => row[index])),
  )
}

function errorPage() {
  const sections = Object.entries(ERROR_CODES).map(
    ([code, { cause, wayOut, exitCode = 1 }]) => `## ${code}\n\n${cause}\n\n${wayOut}\n\nExit code: ${exitCode}.`,
  )
  return page('Errors', [
    'An error has a code. Programs that use the library read it from `error.code`; `--progress rawjson` prints it. The message says what failed, on ' +
      'which value, and why; the hint says what to do.',
    ...sections,
  ])
}

function page(title, parts) {
  return `${NOTE}\n\n# ${title}\n\n${parts.join('\n\n')}\n`
}

function table(titles, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n')
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
