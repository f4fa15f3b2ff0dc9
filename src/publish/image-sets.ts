import type { Compression } from '../config/image-form.ts'
import { checkAnnotations, parseAnnotation, type Annotation } from '../oci/annotation.ts'
import type { Reference } from '../oci/reference.ts'
import type { Platform } from '../platform.ts'
import { assemble, type ImageSet, type PlatformImage } from './image-set.ts'
import { formKey, type SetForm } from './output-forms.ts'

/** The image in the form that an output asks for. */
export interface FormedImage {
  readonly set: ImageSet
  /** Those of the build and those of the output. */
  readonly annotations: readonly Annotation[]
}

/** What images are put together from. */
export interface SetsOptions {
  readonly images: readonly PlatformImage[]
  /** Those that were asked for, the missing ones among them. */
  readonly platforms: readonly Platform[]
  readonly annotations: readonly Annotation[]
  readonly asIndex: boolean
  /** Compresses layers anew. */
  readonly recompress: (image: PlatformImage, compression: Compression) => Promise<PlatformImage>
}

/** Assembles an image once for each form; `only`: those of its platforms that the output can hold. */
export function createSets({
  images,
  platforms,
  annotations,
  asIndex,
  recompress,
}: SetsOptions): (form: SetForm, names: readonly Reference[], only?: readonly PlatformImage[]) => Promise<FormedImage> {
  const made = new Map<string, Promise<FormedImage>>()

  async function make(
    form: SetForm,
    tags: readonly Reference[],
    only: readonly PlatformImage[] | undefined,
  ): Promise<FormedImage> {
    const own = (form.annotations ?? []).map(parseAnnotation)
    checkAnnotations([...annotations, ...own], platforms, { hasIndex: asIndex })
    const all = { annotations: [...annotations, ...own], tags, docker: form.ociMediaTypes === false }
    const { compression } = form
    const kept = only ?? images
    const wanted = form.referrers === false ? kept.map(withoutReferrers) : kept
    const packed = compression ? await Promise.all(wanted.map((image) => recompress(image, compression))) : wanted
    const set = await assemble(packed, { ...all, asIndex: asIndex && only === undefined })
    return { set, annotations: all.annotations }
  }

  return (form, names, only) => {
    if (only) return make(form, names, only)
    const key = JSON.stringify([formKey(form), names])
    const found = made.get(key) ?? make(form, names, undefined)
    made.set(key, found)
    return found
  }
}

function withoutReferrers(image: PlatformImage): PlatformImage {
  return { ...image, attestations: (image.attestations ?? []).filter(({ form }) => form !== 'referrers') }
}
