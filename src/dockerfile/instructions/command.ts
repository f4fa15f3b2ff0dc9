import { parseDuration } from '../duration.ts'
import { shorten } from '../flags.ts'
import { cutField } from '../split.ts'
import type { CommandInstruction, HealthcheckInstruction, ShellInstruction } from '../types.ts'
import { commandOf, failArguments, flagsOf, jsonListOf, type Request } from './request.ts'

/** `CMD` and `ENTRYPOINT`; an empty list is legal and means "none", nothing at all is a shell command without text. */
export function parseCommand(request: Request): CommandInstruction | undefined {
  flagsOf(request, {})
  const command = commandOf(request)
  if (!command) return undefined
  const kind = request.name === 'CMD' ? 'cmd' : 'entrypoint'
  return { kind, at: request.at, text: request.text, command }
}

/** `SHELL ["program", "flag", ...]` */
export function parseShell(request: Request): ShellInstruction | undefined {
  flagsOf(request, {})
  const list = jsonListOf(request)
  if (list === 'mixed') return undefined
  if (!list || list.length === 0) return failArguments(request, 'it has no JSON list', 'Write SHELL ["/bin/sh", "-c"]')
  return { kind: 'shell', at: request.at, text: request.text, argv: list }
}

const HEALTH_FLAGS = {
  interval: 'text',
  timeout: 'text',
  'start-period': 'text',
  'start-interval': 'text',
  retries: 'text',
} as const

/** `HEALTHCHECK NONE` or `HEALTHCHECK [flags] CMD command` */
export function parseHealthcheck(request: Request): HealthcheckInstruction | undefined {
  const flags = flagsOf(request, HEALTH_FLAGS)
  const { first, rest } = cutField(request.rest)
  const type = first.toUpperCase()
  const base = { kind: 'healthcheck', at: request.at, text: request.text } as const
  if (type === 'NONE')
    return rest === '' ? base : failArguments(request, 'NONE takes no arguments', 'Remove what follows NONE')
  if (type !== 'CMD') {
    const state = type === '' ? 'it has no arguments' : `type "${shorten(first)}" is unknown`
    return failArguments(request, state, 'Write HEALTHCHECK CMD command, or HEALTHCHECK NONE')
  }
  const command = commandOf(request, rest)
  if (!command) return undefined
  if (command.form === 'exec' ? command.argv.length === 0 : command.line === '') {
    return failArguments(request, 'it has no command', 'Write the command after CMD')
  }
  const interval = durationOf(request, 'interval', flags.interval)
  const timeout = durationOf(request, 'timeout', flags.timeout)
  const startPeriod = durationOf(request, 'start-period', flags['start-period'])
  const startInterval = durationOf(request, 'start-interval', flags['start-interval'])
  const retries = retriesOf(request, flags.retries)
  return {
    ...base,
    command,
    ...(interval ? { interval } : {}),
    ...(timeout ? { timeout } : {}),
    ...(startPeriod ? { startPeriod } : {}),
    ...(startInterval ? { startInterval } : {}),
    ...(retries ? { retries } : {}),
  }
}

function durationOf(request: Request, flag: string, value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined
  const duration = parseDuration(value)
  if (duration === undefined || (duration !== 0 && duration < 1_000_000)) {
    const state = duration === undefined ? 'it is not a duration' : 'it is shorter than 1ms'
    request.fail(
      'bad-flag',
      `Cannot use value "${shorten(value)}" of flag "--${flag}": ${state}`,
      'Write it like 30s or 1m30s',
    )
  }
  return duration
}

function retriesOf(request: Request, value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined
  if (/^\+?\d{1,9}$/.test(value)) return Number(value)
  request.fail(
    'bad-flag',
    `Cannot use value "${shorten(value)}" of flag "--retries": it is not a number`,
    'Write it like --retries=3',
  )
  return undefined
}
