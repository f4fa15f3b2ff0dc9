import { readBake } from '../../../src/config/bake/bake.ts'
import { printBake } from '../../../src/config/bake/print.ts'
import { resolveTargets } from '../../../src/config/bake/resolve.ts'
import type { BakeCase } from './cases.ts'
import { inputOf } from './evaluate.ts'

const DEFAULTS = ['docker-bake.json', 'docker-bake.hcl', 'docker-bake.override.json', 'docker-bake.override.hcl']

/** What `--print` shows of a case, by the model alone. */
export function printCase({ args, env, files }: BakeCase): unknown {
  const { names, files: chosen, set } = readWords(args)
  const wanted = chosen.length > 0 ? chosen : DEFAULTS.filter((name) => files[name])
  const config = readBake(inputOf(Object.fromEntries(wanted.map((name) => [name, files[name]!])), { env }))
  return JSON.parse(printBake(resolveTargets(config, { names, set, env })))
}

/** The arguments of a case. */
export function readWords(args: readonly string[]): { names: string[]; files: string[]; set: string[] } {
  const words = { names: [] as string[], files: [] as string[], set: [] as string[] }
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!
    if (word === '-f') words.files.push(args[++at]!)
    else if (word === '--set') words.set.push(args[++at]!)
    else if (word.startsWith('--')) words.set.push(flag(word))
    else words.names.push(word)
  }
  return words
}

function flag(word: string): string {
  const [name = '', value] = word.slice(2).split(/=(.*)/s)
  if (name === 'provenance' || name === 'sbom')
    return `*.attest=type=${name},${value === 'true' || value === 'false' ? `disabled=${value === 'false'}` : value}`
  return `*.${name}=true`
}
