import { badValue, readBool } from './values.ts'

/** An attribute of an output that asks for what xbuild does anyway, or for what it does not do. */
interface FixedAttribute {
  /** Values that are what xbuild does. */
  accepts(value: string): boolean
  /** Why the others cannot be had. */
  readonly reason: string
  readonly wayOut: string
}

const isTrue = (value: string) => readBool(value) === true
const isFalse = (value: string) => readBool(value) === false

/** Of outputs that are images, by name. */
const OF_IMAGES: Readonly<Record<string, FixedAttribute>> = {
  'attestation-inline': {
    accepts: isTrue,
    reason: 'attestations are always in the index of the image',
    wayOut: 'Leave them out with --provenance=false',
  },
  buildinfo: {
    accepts: isFalse,
    reason: 'BuildKit removed build information of this kind',
    wayOut: 'Use --provenance=mode=min',
  },
  'buildinfo-attrs': {
    accepts: isFalse,
    reason: 'BuildKit removed build information of this kind',
    wayOut: 'Use --provenance=mode=max',
  },
  'oci-artifact': {
    accepts: isFalse,
    reason: 'attestations are written in the form that all registries accept, with an image config',
    wayOut: 'Leave it out',
  },
  'prefer-nondist-layers': {
    accepts: isFalse,
    reason: 'xbuild always writes layers that may be distributed',
    wayOut: 'Leave it out',
  },
  'source-date-epoch': {
    accepts: () => false,
    reason: 'all outputs of a build have the same times',
    wayOut: 'Set SOURCE_DATE_EPOCH in the environment, or --build-arg SOURCE_DATE_EPOCH=SECONDS',
  },
}

/** Of images in a registry or in the store. */
const OF_REGISTRY: Readonly<Record<string, FixedAttribute>> = {
  'name-canonical': {
    accepts: (value) => readBool(value) !== undefined,
    reason: 'it is neither true nor false',
    wayOut: 'Write name-canonical=true',
  },
  'danging-name-empty-only': {
    accepts: isTrue,
    reason: 'only images without a name are kept under the prefix',
    wayOut: 'Leave it out',
  },
  store: {
    accepts: isTrue,
    reason: 'xbuild keeps every result in its store, for the next build',
    wayOut: 'Leave it out; xbuild prune removes what is no longer used',
  },
  unpack: {
    accepts: isFalse,
    reason: 'nothing runs containers from the store of xbuild',
    wayOut: 'Use --load to put the image into a Docker Engine',
  },
}

/**
 * Takes the attributes whose value cannot be chosen out of those that are left. Throws BAD_OPTION with the reason for a
 * value that xbuild cannot do.
 */
export function takeFixed(
  attributes: Map<string, string>,
  { text, label, inRegistry }: { readonly text: string; readonly label: string; readonly inRegistry: boolean },
): void {
  for (const [name, { accepts, reason, wayOut }] of Object.entries({
    ...OF_IMAGES,
    ...(inRegistry ? OF_REGISTRY : {}),
  })) {
    const value = attributes.get(name)
    if (value === undefined) continue
    if (!accepts(value)) throw badValue(label, text, `xbuild cannot do ${name}=${value}: ${reason}`, wayOut)
    attributes.delete(name)
  }
}

/** Names of the attributes that only have one value, for messages about unknown ones. */
export const FIXED_ATTRIBUTES: readonly string[] = [...Object.keys(OF_IMAGES), ...Object.keys(OF_REGISTRY)]
