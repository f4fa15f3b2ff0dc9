import type { Seen } from './seen.ts'

type Metadata = Readonly<Record<string, unknown>>

/** The outputs of the action, by name; those without a value are left out. */
export function outputsOf({
  metadata,
  imageId,
  seen,
  plan,
}: {
  readonly metadata: Metadata | undefined
  readonly imageId: string | undefined
  readonly seen: Seen
  readonly plan: unknown
}): Readonly<Record<string, string>> {
  const digest = metadata?.['containerimage.digest']
  const digests = digestsOf(seen)
  const outputs: Readonly<Record<string, string | undefined>> = {
    imageid: imageId?.trim() || undefined,
    digest: typeof digest === 'string' ? digest : undefined,
    metadata: metadata && JSON.stringify(metadata, null, 2),
    digests: Object.keys(digests).length > 0 ? JSON.stringify(digests) : undefined,
    plan: plan === undefined ? undefined : JSON.stringify(plan),
  }
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )
}

/** The manifest of each platform; of several images by their names first. */
export function digestsOf({ targets }: Pick<Seen, 'targets'>): Readonly<Record<string, unknown>> {
  const found: Record<string, string | Record<string, string>> = Object.create(null)
  for (const { image, platform, digest } of targets.values()) {
    if (digest === undefined) continue
    if (image === undefined) found[platform] = digest
    else ((found[image] ??= Object.create(null)) as Record<string, string>)[platform] = digest
  }
  return { ...found }
}

/** Values for `--set` that give provenance to the bake targets which say nothing of it, of what `--print` printed. */
export function provenanceSets(printed: string, provenance: string): string[] {
  const { target = {} } = JSON.parse(printed) as {
    readonly target?: Readonly<
      Record<string, { readonly attest?: readonly { type?: string }[]; readonly output?: readonly { type?: string }[] }>
    >
  }
  const isDocker = Object.values(target).some(({ output = [] }) => output.some(({ type }) => type === 'docker'))
  if (isDocker) return []
  return Object.entries(target).flatMap(([name, { attest = [] }]) => {
    if (attest.some(({ type }) => type === 'provenance')) return []
    return [`${name}.attest${attest.length > 0 ? '+' : ''}=type=provenance,${provenance}`]
  })
}
