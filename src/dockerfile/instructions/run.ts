import { compact } from '../../compact.ts'
import { shorten } from '../flags.ts'
import { parseMount } from '../mount.ts'
import { suggestionHint } from '../../did-you-mean.ts'
import type { RunInstruction } from '../types.ts'
import { commandOf, failArguments, flagsOf, type Request } from './request.ts'

const NETWORKS = ['default', 'none', 'host'] as const
const SECURITIES = ['sandbox', 'insecure'] as const

/** `RUN` in shell form (heredocs included) or exec form. */
export function parseRun(request: Request): RunInstruction | undefined {
  const flags = flagsOf(request, { mount: 'list', network: 'text', security: 'text', device: 'list' })
  const { at, text } = request
  for (const mount of flags.mount) {
    const { problem } = parseMount(mount)
    if (problem !== undefined) request.fail('bad-mount', `Cannot use mount "${shorten(mount)}": ${problem}`)
  }
  const network = oneOf(request, '--network', flags.network, NETWORKS)
  const security = oneOf(request, '--security', flags.security, SECURITIES)
  const command = commandOf(request)
  if (!command) return undefined
  if (command.form === 'exec' && command.argv.length === 0)
    return failArguments(request, 'it has no command', 'Write RUN COMMAND')
  if (command.form === 'shell' && command.line === '')
    request.warn('empty-run', 'This RUN has no command: the shell runs and does nothing', 'Write RUN COMMAND')
  return {
    kind: 'run',
    at,
    text,
    command,
    mounts: flags.mount,
    ...compact({ network, security }),
    devices: flags.device,
  }
}

function oneOf<T extends string>(
  request: Request,
  flag: string,
  value: string | undefined,
  known: readonly T[],
): T | undefined {
  if (value === undefined) return undefined
  const found = known.find((item) => item === value)
  if (found === undefined) {
    const hint = suggestionHint(value, known, `Use one of ${known.join(', ')}`)
    request.fail('bad-flag', `Cannot use value "${shorten(value)}" of flag "${flag}": it is unknown`, hint)
  }
  return found
}
