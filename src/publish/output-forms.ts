import { attestsInIndex } from '../config/attest.ts'
import type { ImageForm } from '../config/image-form.ts'
import type { CompleteOptions, Output } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { checkAnnotations, parseAnnotation, type Annotation } from '../oci/annotation.ts'
import { isImageOutput, type ImageOutput } from './output-names.ts'

/** An image in the form that an output asks for. */
export interface SetForm extends ImageForm {
  /** Without what names the image from outside of it, which not every place can keep; absent: with it. */
  readonly referrers?: false
}

/** What is said of all outputs of an image. */
export type FormFacts = Pick<
  CompleteOptions,
  'platforms' | 'provenance' | 'sbom' | 'attest' | 'sourceDateEpoch' | 'epochOfContext'
> & {
  readonly annotations: readonly Annotation[]
}

/** What an output asks for and the build's other options make impossible. Throws BAD_OPTION. */
export function checkForms(outputs: readonly Output[], facts: FormFacts): void {
  const attested = attestsInIndex(facts)
  for (const output of outputs) {
    if (!isImageOutput(output)) continue
    const bad = (state: string, hint: string) =>
      new XbuildError('BAD_OPTION', `Cannot write output type=${output.type}: ${state}`, { hint })
    if (output.ociMediaTypes === false && attested)
      throw bad(
        'attestations need the media types of OCI',
        'Leave out oci-mediatypes=false, or give form=referrers or --provenance=false',
      )
    if (output.ociMediaTypes === false && facts.annotations.length > 0)
      throw bad("Docker's manifests have no annotations", 'Leave out oci-mediatypes=false or --annotation')
    const stamped = facts.sourceDateEpoch !== undefined || facts.epochOfContext !== undefined
    if (output.rewriteTimestamp === true && !stamped)
      throw bad('rewrite-timestamp=true needs a time', 'Set SOURCE_DATE_EPOCH to seconds since 1970, or to context')
    if (output.rewriteTimestamp === false && stamped)
      throw bad(
        'with SOURCE_DATE_EPOCH xbuild always rewrites the times of files',
        'Leave out rewrite-timestamp=false, or SOURCE_DATE_EPOCH',
      )
    if (facts.platforms.length > 0)
      checkAnnotations((output.annotations ?? []).map(parseAnnotation), facts.platforms, {
        hasIndex: facts.platforms.length > 1 || attested,
      })
  }
}

/** The output whose image is the result: the first push, else the first image that is written or has a form. */
export function mainOutput(outputs: readonly Output[]): ImageOutput | undefined {
  const images = outputs.filter(isImageOutput)
  return images.find(({ type }) => type === 'registry') ?? images[0]
}

/** Equal for outputs that the same image can be written to. */
export function formKey({ ociMediaTypes, compression, annotations, referrers }: SetForm): string {
  return JSON.stringify([ociMediaTypes ?? true, compression ?? {}, annotations ?? [], referrers ?? true])
}
