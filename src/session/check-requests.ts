import { resolve } from 'node:path'
import type { BuildOptions } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { checkDestinations, checkOutputs, hasDest } from '../publish/check-outputs.ts'
import type { BuildEdges, BuildRequest, SessionRequest } from './types.ts'

/** Options that are of the session, not of an image. */
const OF_SESSION = [
  'cwd',
  'store',
  'storeLimit',
  'registries',
  'nodes',
  'accel',
  'ociRuntime',
  'jobs',
  'silenceTimeout',
  'sourceDateEpoch',
  'epochOfContext',
] as const satisfies readonly (keyof BuildOptions)[]

/**
 * Checks what can be known of requests before anything is opened: names, what they must have in common, where results
 * go, and that no image is made from itself. Throws BAD_OPTION.
 */
export function checkRequests(
  requests: readonly BuildRequest[],
  { stdout }: Pick<BuildEdges, 'stdout'>,
): SessionRequest[] {
  if (requests.length === 0) throw new XbuildError('BAD_OPTION', 'Cannot build: no image was asked for')
  const names = requests.map(({ name }) => name)
  const wrong = names.find((name, index) => !/^[\w][\w.-]*$/.test(name) || names.indexOf(name) !== index)
  if (wrong !== undefined)
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot build an image called "${wrong}": names are unique, of letters, digits, "_", "." and "-"`,
    )
  const [first] = requests
  for (const { name, options } of requests) {
    const key = OF_SESSION.find((one) => JSON.stringify(options[one]) !== JSON.stringify(first!.options[one]))
    if (key)
      throw new XbuildError(
        'BAD_OPTION',
        `Cannot build "${first!.name}" and "${name}" in one session: their option "${key}" differs`,
        { hint: 'Build them one after the other, or with the same options' },
      )
  }
  checkCircles(requests)
  checkGitLogins(requests)
  const checked = requests.map((request) => ({
    ...checkRequest(request.options, { stdout }),
    image: request.name,
  }))
  checkShared(checked)
  return checked
}

/** The same for the only request of a session, which needs no name. */
export function checkRequest(options: BuildOptions, { stdout }: Pick<BuildEdges, 'stdout'>): SessionRequest {
  return { image: undefined, options, outputs: checkOutputs(options, { stdoutIsTerminal: stdout.isTTY === true }) }
}

/** Looks at the disk: destinations that cannot be used. Throws BAD_OPTION. */
export async function checkPlaces(requests: readonly SessionRequest[]): Promise<void> {
  for (const { outputs } of requests) await checkDestinations(outputs)
}

/** What only one image of a session can have: standard input, standard output, a file. */
function checkShared(requests: readonly SessionRequest[]): void {
  const taken = new Map<string, string>()
  for (const { image, options, outputs } of requests) {
    const { context, file, metadataFile, iidFile, cwd } = options
    const places = new Set([
      ...(context === '-' || file === '-' ? ['standard input'] : []),
      ...outputs.outputs.flatMap((output) =>
        hasDest(output) ? [output.dest === '-' ? 'standard output' : output.dest] : [],
      ),
      ...[metadataFile, iidFile].flatMap((path) => (path === undefined ? [] : [resolve(cwd, path)])),
    ])
    for (const place of places) {
      const other = taken.get(place)
      if (other !== undefined)
        throw new XbuildError('BAD_OPTION', `Cannot build "${other}" and "${image}": both use "${place}"`, {
          hint: 'Give each image its own',
        })
      taken.set(place, image!)
    }
  }
}

/** Repositories are fetched once for all images: a login must not depend on which image asks first. */
function checkGitLogins(requests: readonly BuildRequest[]): void {
  const known = new Map<string, { readonly name: string; readonly source: string }>()
  for (const { name, options } of requests) {
    for (const [id, secret] of Object.entries(options.secrets ?? {})) {
      if (!/^(?:GIT|HTTP)_AUTH_/.test(id)) continue
      const source = JSON.stringify(secret)
      const other = known.get(id)
      if (other && other.source !== source)
        throw new XbuildError('BAD_OPTION', `Cannot build "${other.name}" and "${name}": their secrets "${id}" differ`)
      known.set(id, { name, source })
    }
  }
}

/** Throws with the names of the images that are made from each other. */
function checkCircles(requests: readonly BuildRequest[]): void {
  const needs = new Map(requests.map(({ name, options }) => [name, imagesOf(options)]))
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(' -> ')
      throw new XbuildError('BAD_OPTION', `Cannot build "${name}": it is made from itself (${circle})`, {
        hint: 'Take away one of these target: contexts',
      })
    }
    if (done.has(name)) return
    for (const need of needs.get(name) ?? []) visit(need, [...path, name])
    done.add(name)
  }
  for (const name of needs.keys()) visit(name, [])
}

function imagesOf({ buildContexts, overrides = [] }: BuildOptions): string[] {
  const contexts = [buildContexts, ...overrides.map(({ bases = {} }) => bases)].flatMap((one) => Object.values(one))
  return contexts.flatMap((context) => (context.kind === 'target' ? [context.image] : []))
}
