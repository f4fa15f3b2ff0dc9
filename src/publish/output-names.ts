import { distinctBy } from '../distinct.ts'
import type { ImageForm, ImageNaming } from '../config/image-form.ts'
import type { Output } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { formatReference, parseReference, type Reference } from '../oci/reference.ts'

/** An output that is an image. */
export type ImageOutput = Exclude<Output, { readonly type: 'local' | 'tar' }>

/** Whether an output is an image, not files. */
export function isImageOutput(output: Output): output is ImageOutput {
  return output.type !== 'local' && output.type !== 'tar'
}

/** What `--tag` and the outputs call an image. */
export interface Names {
  readonly tags: readonly Reference[]
  readonly outputs: readonly Output[]
}

/**
 * The names that an image has in one output: those of `--tag`, or its own when there are none, as buildx does; the
 * GitHub recipes rely on it.
 */
export function namesOf(
  { names = [], pushByDigest }: Pick<ImageForm & ImageNaming, 'names' | 'pushByDigest'>,
  tags: readonly Reference[],
): readonly Reference[] {
  const all = tags.length > 0 ? tags : names.map(parseReference)
  return distinctBy(pushByDigest ? all.map(({ host, repository }) => ({ host, repository })) : all, formatReference)
}

/** Where images are pushed to, each repository as often as names of it are pushed. */
export function pushNames({ outputs, tags }: Names): readonly Reference[] {
  return distinctBy(
    outputs.flatMap((output) => (output.type === 'registry' ? namesOf(output, tags) : [])),
    formatReference,
  )
}

/** The names that the image has in the store, as the user wrote them: those of `--tag`, or those of outputs. */
export function storeNames({ outputs, tags }: WrittenNames): readonly string[] {
  if (tags.length > 0) return tags
  return [
    ...new Set(outputs.flatMap((output) => (isStored(output) && !output.pushByDigest ? (output.names ?? []) : []))),
  ]
}

/** What an image without a name is called in the store, when an output says so. */
export function danglingName(outputs: readonly Output[], digest: string): string | undefined {
  const prefix = outputs.map((output) => (isStored(output) ? output.danglingPrefix : undefined)).find(Boolean)
  return prefix === undefined ? undefined : `${prefix}@${digest}`
}

function isStored(output: Output): output is Extract<Output, { readonly type: 'registry' | 'cacheonly' }> {
  return output.type === 'registry' || output.type === 'cacheonly'
}

/** Names as they were written. */
export interface WrittenNames {
  readonly tags: readonly string[]
  readonly outputs: readonly Output[]
}

/** Every push has a name, and one by digest has no tag that nobody would write. Throws BAD_OPTION. */
export function checkPushNames({ outputs, tags }: WrittenNames): void {
  for (const output of outputs) {
    if (output.type !== 'registry') continue
    const names = tags.length > 0 ? tags : (output.names ?? [])
    if (names.length === 0)
      throw new XbuildError('BAD_OPTION', 'Cannot push: the image has no name', {
        hint: 'Name it with --tag HOST/NAME:TAG',
      })
    const tagged = output.pushByDigest ? names.find((name) => name.lastIndexOf(':') > name.lastIndexOf('/')) : undefined
    if (tagged !== undefined)
      throw new XbuildError('BAD_OPTION', `Cannot push "${tagged}" by digest: it has a tag`, {
        hint: 'Leave out the tag, or push-by-digest=true',
      })
  }
}
