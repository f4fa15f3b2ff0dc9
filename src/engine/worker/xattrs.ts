import { closeSync, constants } from 'node:fs'
import { join } from 'node:path'
import { bytesOfName, nameOfBytes } from '../../byte-name.ts'
import { XbuildError } from '../../errors.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { openSync } from '../../host/byte-files.ts'
import { throughHandle } from '../../host/open-inside.ts'
import { runProgram } from '../../host/spawn.ts'
import { isPathTooLong, pathTooLong } from './path-too-long.ts'

/** Attributes by path relative to the folder they were read in, without a leading `./`; `.` is the folder itself. */
export type XattrTable = ReadonlyMap<string, ReadonlyMap<string, Buffer>>

const HINT = 'Install the package that has getfattr and setfattr (Debian, Ubuntu: apt-get install attr)'

/**
 * Reads the attributes whose names match `pattern` (a POSIX regular expression) of a whole tree, or of one `file` in
 * it: Node has no call for it.
 */
export async function readXattrs(folder: string, pattern: string, file?: string): Promise<XattrTable> {
  if (file !== undefined && !file.isWellFormed()) return readOddName(join(folder, file), pattern)
  const where = file === undefined ? ['--recursive', '--physical', '.'] : [`./${file}`]
  const options = ['--no-dereference', ...DUMP, `--match=${pattern}`]
  return parse(await runProgram('getfattr', [...options, ...where], { cwd: folder }).catch(withHint))
}

const DUMP = ['--absolute-names', '--dump', '--encoding=hex']

/** Of a file whose name no argument can hold. */
async function readOddName(file: string, pattern: string): Promise<XattrTable> {
  if (!lstatIfPresent(file)?.isFile()) return new Map()
  const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const args = [...DUMP, `--match=${pattern}`, throughHandle(3)]
    return parse(await runProgram('getfattr', args, { handles: [handle] }).catch(withHint))
  } finally {
    closeSync(handle)
  }
}

function parse(text: string): XattrTable {
  const table = new Map<string, Map<string, Buffer>>()
  let current: Map<string, Buffer> | undefined
  for (const line of text.split('\n')) {
    if (line.startsWith('# file: ')) {
      current = new Map()
      table.set(unescape(line.slice(8)).replace(/^\.\//, ''), current)
      continue
    }
    const equals = line.indexOf('=')
    if (current && equals > 0) current.set(unescape(line.slice(0, equals)), Buffer.from(line.slice(equals + 3), 'hex'))
  }
  return table
}

/** Sets attributes of paths relative to `folder`, none of them followed when it is a symlink. */
export async function writeXattrs(folder: string, table: XattrTable): Promise<void> {
  if (table.size === 0) return
  const lines: string[] = []
  for (const [path, attributes] of table) {
    lines.push(`# file: ./${escape(path)}`)
    for (const [name, value] of attributes) lines.push(`${escape(name)}=0x${value.toString('hex')}`)
    lines.push('')
  }
  await runProgram('setfattr', ['--no-dereference', '--restore=-'], {
    cwd: folder,
    input: `${lines.join('\n')}\n`,
  }).catch(withHint)
}

function withHint(cause: unknown): never {
  if (!(cause instanceof XbuildError)) throw cause
  if (isPathTooLong(cause)) throw pathTooLong(cause)
  if (cause.facts.limit === 'output')
    throw new XbuildError('UNSUPPORTED', 'Cannot read the file system of a step: it has too many extended attributes', {
      cause,
      hint: 'Remove them in the RUN that makes them',
    })
  throw cause.facts.missing === 'program' ? cause.with({ hint: HINT }) : cause
}

/** Bytes that getfattr's format gives a meaning, or no terminal could show, as backslash and octal. */
function escape(text: string): string {
  const isPlain = (byte: number) => byte > 0x20 && byte < 0x7f && byte !== 0x5c && byte !== 0x3d
  return [...bytesOfName(text)]
    .map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`))
    .join('')
}

function unescape(text: string): string {
  if (!text.includes('\\')) return text
  const bytes: number[] = []
  const raw = bytesOfName(text)
  for (let i = 0; i < raw.length; i += 1) {
    if (raw[i] === 0x5c && i + 3 < raw.length) {
      bytes.push(Number.parseInt(raw.toString('latin1', i + 1, i + 4), 8))
      i += 3
    } else bytes.push(raw[i]!)
  }
  return nameOfBytes(Buffer.from(bytes))
}
