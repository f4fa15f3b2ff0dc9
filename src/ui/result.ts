import { placeText } from './progress.ts'
import { profileTexts, startsText, type ShownStarts } from './starts.ts'
import { cleanLine, cleanText, count, createPaint, formatDuration } from './text.ts'

/** What a summary needs to know about a finished build. */
export interface FinishedBuild {
  readonly digest: string
  readonly images: readonly {
    readonly platform: string
    readonly digest: string
    readonly strategy: string
    readonly node?: string
    readonly seconds: number
    /** Bytes of its configuration and its packed layers. */
    readonly size?: number
  }[]
  /** Optional platforms that are missing, and why. */
  readonly missing?: readonly { readonly platform: string; readonly error: { readonly message: string } }[]
  /** Native toolchains that programs of emulated steps were run from. */
  readonly packs?: readonly {
    readonly platform: string
    readonly name: string
    readonly digest: string
    readonly node?: string
    readonly cached?: boolean
  }[]
  /** What emulated steps started, most often emulated first. */
  readonly starts?: readonly ShownStarts[]
  readonly tags: readonly string[]
  readonly outputs: readonly {
    readonly type: string
    readonly dest?: string
    readonly engine?: string
    /** What was pushed. */
    readonly refs?: readonly string[]
    readonly names?: readonly string[]
  }[]
  /** Folder of the store. */
  readonly stored: string
}

/** What a finished build made and where it went, for stderr. Ends in a newline. */
export function formatResult(result: FinishedBuild, options: { readonly color: boolean }): string {
  const paint = createPaint(options.color)
  const widths = {
    platform: Math.max(...result.images.map((image) => image.platform.length)),
    strategy: Math.max(...result.images.map((image) => how(image).length)),
  }
  const images = result.images.map((image) => {
    const { platform, digest, seconds } = image
    const names = `${platform.padEnd(widths.platform)}  ${how(image).padEnd(widths.strategy)}`
    return `  ${names}  ${paint('dim', digest)}  ${formatDuration(seconds * 1000)}`
  })
  const built = `${paint('green', 'Built')} ${paint('bold', result.digest)} for ${count(result.images.length, 'platform')}`
  const missing = (result.missing ?? []).map(
    ({ platform, error }) => `  ${paint('yellow', 'missing')} ${platform} (optional): ${cleanText(error.message)}`,
  )
  const natively = ({ node }: { readonly node?: string }) =>
    node === undefined ? 'ran natively' : `could run natively on ${cleanLine(node)}`
  const packs = (result.packs ?? [])
    .filter(({ cached }) => !cached)
    .map(
      (pack) =>
        `  ${paint('dim', `${pack.platform} ${natively(pack)}: ${cleanLine(pack.name)}, pack ${pack.digest.replace(/^sha256:/, '').slice(0, 12)}`)}`,
    )
  const starts = (result.starts ?? [])
    .filter(({ emulated }) => emulated > 0)
    .map((one) => `  ${paint('dim', startsText(one))}`)
  const profiles = (result.starts ?? []).flatMap(profileTexts).map((line) => `  ${line}`)
  return `${[built, ...images, ...packs, ...starts, ...profiles, ...missing, ...whereabouts(result)].join('\n')}\n`
}

/** How an image was built, and where when that was not here. */
function how({ strategy, node }: FinishedBuild['images'][number]): string {
  return placeText(strategy, node)
}

/** What goes to stdout: the digest and nothing else; nothing at all when an output took stdout. */
export function formatDigest(result: FinishedBuild): string {
  return result.outputs.some((output) => output.dest === '-') ? '' : `${result.digest}\n`
}

function whereabouts({ outputs, tags, stored }: FinishedBuild): string[] {
  const lines = outputs.flatMap(({ type, dest, engine, refs, names = [] }) => {
    if (type === 'load') return [`  loaded into ${engine}${names.length > 0 ? ` as ${names.join(', ')}` : ''}`]
    if (type === 'registry') return pushedTo(tags, refs).map((name) => `  pushed to ${name}`)
    if (dest === undefined) return []
    const what =
      type === 'oci'
        ? 'OCI image layout'
        : type === 'docker'
          ? 'archive for docker load'
          : type === 'local'
            ? 'files'
            : type
    return [`  ${what} ${dest === '-' ? 'on stdout' : `in ${dest}`}`]
  })
  // An engine says itself under which names it has an image
  if (lines.length > 0) return lines.map((line) => cleanLine(line))
  return [`  The image stays in the store (${stored}); use -o type=oci,dest=FOLDER or --push to take it out`]
}

/** Names as the user wrote them, unless an output has its own. */
function pushedTo(tags: readonly string[], refs: readonly string[] = []): readonly string[] {
  return tags.length >= refs.length && tags.length > 0 ? tags : refs
}
