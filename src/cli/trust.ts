import { realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { askName } from '../config/project.ts'
import type { TrustCommand } from '../config/trust-flags.ts'
import { XbuildError } from '../errors.ts'
import { cleanLine } from '../ui/text.ts'
import { readAskingFile } from './asking-file.ts'
import { readProjectFile } from './load-config.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { readTrustedFiles, writeTrustedFiles, type TrustedFile } from './trusted-files.ts'

/** `xbuild trust`: accepts what a file of a project asks for, and says what that is. */
export async function runTrust(command: TrustCommand, terminal: Terminal): Promise<number> {
  const { stdout, env } = terminal
  const known = await readTrustedFiles(env)
  const say = (files: readonly TrustedFile[], text: string) =>
    print(stdout, command.json ? `${JSON.stringify(files, null, 2)}\n` : text)
  switch (command.verb) {
    case 'list':
      await say(known, known.map((file) => describe(`${cleanLine(file.path)} (${file.digest})`, file.asks)).join(''))
      return 0
    case 'revoke': {
      const path = await pathOf(command.file, command.cwd)
      const gone = known.filter((file) => file.path === path)
      if (gone.length === 0)
        throw new XbuildError('NOT_FOUND', `Cannot revoke "${command.file}": it was not accepted`, {
          hint: 'See xbuild trust --list',
        })
      await writeTrustedFiles(
        known.filter((file) => file.path !== path),
        env,
      )
      await say(gone, `No longer accepted: ${cleanLine(path)}\n`)
      return 0
    }
    case 'add': {
      const read = (await readAskingFile(command, terminal)) ?? (await readProjectFile(command.file, command.cwd))
      if (!read)
        throw new XbuildError('NOT_FOUND', `Cannot trust "${command.file}": no such file`, {
          hint: 'Correct the path',
        })
      const { path, digest } = read
      const asks = [...new Set(read.asks.map(askName))]
      const others = known.filter((file) => file.path !== path)
      if (asks.length === 0) {
        if (others.length < known.length) await writeTrustedFiles(others, env)
        await say([], `${cleanLine(path)} has no setting that needs permission\n`)
        return 0
      }
      const file: TrustedFile = { path, digest, asks, since: new Date().toISOString() }
      await writeTrustedFiles([...others, file], env)
      await say([file], describe(`Accepted as it is now: ${cleanLine(path)}`, asks))
      return 0
    }
  }
}

/** The name under which a file is remembered; its folder may be gone. */
async function pathOf(file: string, cwd: string): Promise<string> {
  const path = resolve(cwd, file)
  const folder = await realpath(dirname(path)).catch(() => dirname(path))
  return join(folder, basename(path))
}

function describe(head: string, asks: readonly string[]): string {
  return `${[head, ...asks.map((ask) => `  ${cleanLine(ask, 1000)}`)].join('\n')}\n`
}
