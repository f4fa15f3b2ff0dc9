import { XbuildError } from '../errors.ts'
import { listInput, textInput, yamlBool, type Env } from './inputs.ts'
import { once, repeated, type PlanInput } from './run-plan.ts'

/** Arguments for the inputs that other actions do not have: nodes, accel, audit, test. */
export function ownArgs({ env, flags }: Pick<PlanInput, 'env' | 'flags'>): string[] {
  return [
    ...builderArgs(env),
    ...once('--accel', textInput(env, 'accel')),
    ...auditArgs(env),
    ...ifKnown('test', once('--test', textInput(env, 'test', { keepSpaces: true }).trim()), flags),
  ]
}

/** Nodes build beside this machine, or beside the builder that is named. */
function builderArgs(env: Env): string[] {
  const nodes = listInput(env, 'nodes')
  const builder = textInput(env, 'builder')
  const first = builder === '' ? (nodes.length > 0 ? ['local'] : []) : [builder]
  return repeated('--builder', [...new Set([...first, ...nodes])])
}

/** `true` and `false` besides the words of `--audit`. */
function auditArgs(env: Env): string[] {
  const text = textInput(env, 'audit')
  const value = yamlBool(text)
  return once('--audit', value === undefined ? text : value ? 'error' : 'off')
}

function ifKnown(input: string, args: string[], flags: ReadonlySet<string>): string[] {
  if (args.length > 0 && !flags.has(args[0]!.slice(2)))
    throw new XbuildError('BAD_OPTION', `Cannot use input "${input}": this version of xbuild does not have it`, {
      hint: 'Leave the input out',
    })
  return args
}
