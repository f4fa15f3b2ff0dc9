import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { Run } from '../store/runs/run-types.ts'
import { askedOf } from './ledger-origin.ts'
import type { BuildResult, ImageResult, Resume, SessionRequest, SessionResult } from './types.ts'

/** What is left of a session that goes on with a run. */
export interface Left {
  readonly requests: readonly SessionRequest[]
  /** All images, those that were finished before with the result that they had. */
  whole(session: SessionResult): SessionResult
}

/**
 * Leaves out the images that the run has finished; those that others are made from stay, without outputs. Throws
 * BAD_OPTION when something else is asked for than then.
 */
export function whatIsLeft(requests: readonly SessionRequest[], resume: Resume | undefined): Left {
  if (!resume) return { requests, whole: (session) => session }
  const { run, finished } = resume
  checkSame(requests, run)
  const isDone = ({ image }: SessionRequest) => finished.has(image ?? '')
  const needed = new Set<string>()
  const visit = (request: SessionRequest) => {
    for (const name of neededBy(request)) {
      if (needed.has(name)) continue
      needed.add(name)
      for (const other of requests) if (other.image === name) visit(other)
    }
  }
  for (const request of requests) if (!isDone(request)) visit(request)
  return {
    requests: requests.flatMap((request) =>
      !isDone(request)
        ? [{ ...request, ...compact({ allowed: resume.allowed }) }]
        : needed.has(request.image ?? '')
          ? [withoutOutputs(request)]
          : [],
    ),
    whole: ({ images }) => ({
      images: requests.map(({ image = '' }): ImageResult => {
        const result: BuildResult | undefined = finished.get(image)
        return result ? { name: image, result } : images.find(({ name }) => name === image)!
      }),
    }),
  }
}

function neededBy({ options: { buildContexts, overrides = [] } }: SessionRequest): string[] {
  const contexts = [buildContexts, ...overrides.map(({ bases = {} }) => bases)].flatMap((one) => Object.values(one))
  return contexts.flatMap((context) => (context.kind === 'target' ? [context.image] : []))
}

function withoutOutputs({ options, outputs, ...request }: SessionRequest): SessionRequest {
  const { metadataFile: _, iidFile: _i, ...rest } = options
  return {
    ...request,
    options: { ...rest, outputs: [], push: false, load: false, tags: [], cacheTo: [] },
    outputs: { ...outputs, outputs: [], tags: [] },
  }
}

function checkSame(requests: readonly SessionRequest[], { id, images }: Run): void {
  const refuse = (state: string) =>
    new XbuildError('BAD_OPTION', `Cannot resume "${id}": ${state}`, {
      hint: 'Set the environment and files as they were, or start the build anew',
    })
  for (const { image = '', options } of requests) {
    const before = images.find((one) => one.image === image)
    if (!before) throw refuse(`the image "${image}" is asked for now, and was not then`)
    const [then, now] = [before.asked ?? {}, askedOf(options)]
    const changed = [...new Set([...Object.keys(then), ...Object.keys(now)])].filter((key) => then[key] !== now[key])
    if (changed.length > 0)
      throw refuse(`${image === '' ? 'it' : `the image "${image}"`} has other options now: ${changed.join(', ')}`)
  }
  const gone = images.find(({ image }) => !requests.some((request) => (request.image ?? '') === image))
  if (gone) throw refuse(`the image "${gone.image}" is not asked for any more`)
}
