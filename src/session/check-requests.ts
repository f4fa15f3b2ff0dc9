import { resolve } from 'node:path'
import { withDefaults } from '../config/defaults.ts'
import type { BuildOptions, CompleteOptions, Output } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { currentFolder } from '../host/current-folder.ts'
import { checkDestinations, checkOutputs, hasDest } from '../publish/check-outputs.ts'
import { isAllPlatforms } from '../platform.ts'
import { isImageOutput } from '../publish/output-names.ts'
import type { BuildEdges, BuildRequest, SessionRequest } from './types.ts'

interface CompleteRequest {
  readonly name: string
  readonly options: CompleteOptions
}

/** Options that are of the session, not of an image. */
const OF_SESSION = [
  'cwd',
  'store',
  'storeLimit',
  'registries',
  'nodes',
  'accel',
  'packs',
  'ociRuntime',
  'jobs',
  'silenceTimeout',
  'sourceDateEpoch',
  'epochOfContext',
  'checkReproducible',
] as const satisfies readonly (keyof BuildOptions)[]

/** Whether several images are asked for, each with a name. */
export function isMany(asked: BuildOptions | readonly BuildRequest[]): asked is readonly BuildRequest[] {
  return Array.isArray(asked)
}

/** One request without a name, or several: with all defaults, and checked. Throws BAD_OPTION, BAD_PLATFORM. */
export function checkAsked(
  asked: BuildOptions | readonly BuildRequest[],
  edges: Pick<BuildEdges, 'stdout'>,
): SessionRequest[] {
  if (isMany(asked)) return checkRequests(asked, edges)
  const request = checkRequest(asked, edges)
  checkAppend(request)
  return [request]
}

/**
 * Checks what can be known of requests before anything is opened: names, what they must have in common, where results
 * go, and that no image is made from itself. Throws BAD_OPTION.
 */
function checkRequests(requests: readonly BuildRequest[], { stdout }: Pick<BuildEdges, 'stdout'>): SessionRequest[] {
  if (requests.length === 0) throw new XbuildError('BAD_OPTION', 'Cannot build: no image was asked for')
  const names = requests.map(({ name }) => name)
  const wrong = names.find((name, index) => !/^[\w][\w.-]*$/.test(name) || names.indexOf(name) !== index)
  if (wrong !== undefined)
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot build an image called "${wrong}": names are unique, of letters, digits, "_", "." and "-"`,
    )
  const complete = requests.map(({ name, options }) => ({ name, options: completeOptions(options) }))
  const [first] = complete
  for (const { name, options } of complete) {
    const key = OF_SESSION.find((one) => JSON.stringify(options[one]) !== JSON.stringify(first!.options[one]))
    if (key)
      throw new XbuildError(
        'BAD_OPTION',
        `Cannot build "${first!.name}" and "${name}" in one session: their option "${key}" differs`,
        { hint: 'Build them one after the other, or with the same options' },
      )
  }
  checkCircles(complete)
  checkGitLogins(complete)
  const checked = complete.map(({ name, options }) => ({ ...checkRequest(options, { stdout }), image: name }))
  checkShared(checked)
  return checked
}

/** The same for the only request of a session, which needs no name. */
function checkRequest(asked: BuildOptions, { stdout }: Pick<BuildEdges, 'stdout'>): SessionRequest {
  const options = completeOptions(asked)
  return { image: undefined, options, outputs: outputsOf(options, { stdoutIsTerminal: stdout.isTTY === true }) }
}

/** What depends on the platforms is looked at when they are known. */
function outputsOf(options: CompleteOptions, facts: { readonly stdoutIsTerminal: boolean }): SessionRequest['outputs'] {
  return checkOutputs(isAllPlatforms(options.platforms) ? { ...options, platforms: [] } : options, facts)
}

/** A request whose platforms are known now. Throws BAD_OPTION. */
export function checkAgain(request: SessionRequest, platforms: CompleteOptions['platforms']): SessionRequest {
  const options = { ...request.options, platforms }
  // Whether standard output may be written is known by then
  return { ...request, options, outputs: checkOutputs(options, { stdoutIsTerminal: false }) }
}

/** An append is a way to push. */
function checkAppend({ options, outputs }: SessionRequest): void {
  if (!options.append || outputs.outputs.some(({ type }) => type === 'registry')) return
  throw new XbuildError('BAD_OPTION', 'Cannot append the image to a tag: it is not pushed', { hint: 'Add --push' })
}

function completeOptions(options: BuildOptions): CompleteOptions {
  const complete = withDefaults(options, { cwd: currentFolder() })
  // What the cache has would be the same both times
  return complete.checkReproducible ? { ...complete, noCache: true } : complete
}

/** Looks at this machine: destinations, and compressions, that cannot be used. Throws BAD_OPTION, HOST. */
export async function checkPlaces(requests: readonly SessionRequest[], signal: AbortSignal): Promise<void> {
  const isZstd = (output: Output) => isImageOutput(output) && output.compression?.type === 'zstd'
  if (requests.some(({ outputs }) => outputs.outputs.some(isZstd)))
    await (await import('../content/compress.ts')).requireZstd(signal)
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
function checkGitLogins(requests: readonly CompleteRequest[]): void {
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
function checkCircles(requests: readonly CompleteRequest[]): void {
  const needs = new Map(requests.map(({ name, options }) => [name, imagesOf(options)]))
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(' -> ')
      throw new XbuildError('BAD_OPTION', `Cannot build "${name}": it depends on itself (${circle})`, {
        hint: 'Remove one of these target: contexts',
      })
    }
    if (done.has(name)) return
    for (const need of needs.get(name) ?? []) visit(need, [...path, name])
    done.add(name)
  }
  for (const name of needs.keys()) visit(name, [])
}

function imagesOf({ buildContexts, overrides = [] }: CompleteOptions): string[] {
  const contexts = [buildContexts, ...overrides.map(({ bases = {} }) => bases)].flatMap((one) => Object.values(one))
  return contexts.flatMap((context) => (context.kind === 'target' ? [context.image] : []))
}
