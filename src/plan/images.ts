import { toXbuildError, XbuildError } from '../errors.ts'
import { distinctPlatforms, type Platform } from '../platform.ts'
import { candidates } from './decide.ts'
import { planImage, type ImageInput } from './plan.ts'
import type { BuildPlan, Job, LostNode, Node, PlannedImage } from './types.ts'

/** The facts a plan of several images is made from; `error` is of one that is known to fail already. */
export interface SessionInput {
  readonly buildPlatform: Platform
  readonly images: readonly (
    | (ImageInput & { readonly name: string; readonly nodes: readonly Node[]; readonly error?: undefined })
    | { readonly name: string; readonly error: XbuildError }
  )[]
  readonly lost?: readonly LostNode[]
}

/**
 * Plans several images as one graph: the nodes share the work of all of them. An image that nobody can build has an
 * error and no jobs; the others have theirs, those first that others are made from. Throws nothing.
 */
export function planImages({ buildPlatform, images, lost = [] }: SessionInput): {
  readonly plan: BuildPlan
  readonly errors: ReadonlyMap<string, XbuildError>
} {
  const load = new Map<string, number>()
  const errors = new Map<string, XbuildError>()
  const jobs: Job[] = []
  const planned = images.map((image): PlannedImage => {
    const { name } = image
    try {
      if (image.error) throw image.error
      const found = planImage(image, {
        nodes: image.nodes,
        lost,
        candidates: candidates(image.nodes),
        load,
        image: name,
      })
      jobs.push(...found.jobs)
      return {
        name,
        dockerfile: image.dockerfile,
        platforms: found.platforms,
        ...(found.unplaced.length > 0 ? { unplaced: found.unplaced } : {}),
      }
    } catch (thrown) {
      const error = toXbuildError(thrown)
      errors.set(name, error)
      const { code, message } = error
      return { name, dockerfile: 'graphs' in image ? image.dockerfile : '', platforms: [], error: { code, message } }
    }
  })
  const whole = withoutBroken(planned, images, errors)
  const going = withKnownNeeds(jobs.filter(({ image }) => !errors.has(image!)))
  return {
    errors,
    plan: {
      dockerfile: [...new Set(whole.map(({ dockerfile }) => dockerfile).filter(Boolean))].join(', '),
      buildPlatform,
      platforms: distinctPlatforms(whole.flatMap((image) => image.platforms)),
      images: whole,
      jobs: afterNeeds(going),
      ...(lost.length > 0 ? { lost } : {}),
    },
  }
}

/** An image that is made from one that cannot be built cannot be built either; `errors` gets its error. */
function withoutBroken(
  planned: readonly PlannedImage[],
  images: SessionInput['images'],
  errors: Map<string, XbuildError>,
): readonly PlannedImage[] {
  const needsOf = (name: string) =>
    images
      .flatMap((one) => (one.name === name && !one.error ? (one.targets ?? []) : []))
      .flatMap((one) => one.needs ?? [])
  const broken = planned.find(({ name }) => !errors.has(name) && needsOf(name).some(({ image }) => errors.has(image!)))
  if (!broken) return planned
  const cause = needsOf(broken.name).find(({ image }) => errors.has(image!))!.image!
  const error = madeFromBroken(cause, errors.get(cause)!)
  const { code, message } = error
  errors.set(broken.name, error)
  const failed = planned.map((one) => (one === broken ? { ...one, platforms: [], error: { code, message } } : one))
  return withoutBroken(failed, images, errors)
}

/** The error of an image that is made from one that cannot be built. */
export function madeFromBroken(image: string | undefined, cause: XbuildError): XbuildError {
  return new XbuildError(cause.code, `Cannot use "target:${image}": ${cause.message}`, { cause })
}

/** An image that is read for a platform that it is not built for has no job: its steps are done on the way. */
function withKnownNeeds(jobs: readonly Job[]): Job[] {
  const ids = new Set(jobs.map(({ id }) => id))
  return jobs.map((job) => {
    const needs = job.needs.filter((id) => ids.has(id))
    if (job.kind === 'stage' || !job.contexts) return { ...job, needs }
    const contexts = Object.fromEntries(Object.entries(job.contexts).filter(([, id]) => ids.has(id)))
    return { ...job, needs, contexts }
  })
}

/** Jobs of images that others are made from come first. */
function afterNeeds(jobs: readonly Job[]): Job[] {
  const byId = new Map(jobs.map((job) => [job.id, job]))
  const sorted = new Set<Job>()
  const add = (job: Job): void => {
    if (sorted.has(job)) return
    for (const id of job.needs) if (byId.has(id)) add(byId.get(id)!)
    sorted.add(job)
  }
  jobs.forEach(add)
  return [...sorted]
}
