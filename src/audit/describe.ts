import { compact } from '../compact.ts'
import type { SourcePosition } from '../errors.ts'
import type { Finding } from './findings.ts'

/** What is known of the layers of an audited image. */
export interface LayerFacts {
  readonly platform: string
  readonly instruction: (layer: number) => { readonly at: SourcePosition; readonly stage: string } | undefined
  /** The history's text of a layer. */
  readonly createdBy: (layer: number) => string | undefined
  /** Other platforms whose image has the same layer. */
  readonly sharedWith: (layer: number) => readonly string[]
}

/** As many are named in one message. */
const MOST = 5
/** Words of Dockerfiles that name one machine. */
const FIXED = /\b(?:amd64|x86_64|x86-64|x64|i[36]86|arm64|aarch64|armv[5-8]\w*|armhf|riscv64|ppc64le|s390x)\b/i

/** One message for all findings of an image: the first ones by path, with the likely cause and where it is. */
export function describeFindings(
  findings: readonly Finding[],
  facts: LayerFacts,
): { readonly message: string; readonly hint?: string; readonly at?: SourcePosition } {
  const named = findings.slice(0, MOST).map((finding) => describeOne(finding, facts))
  const more = findings.length > MOST ? [`and ${findings.length - MOST} more`] : []
  const first = findings[0]!
  const at = facts.instruction(first.layer)?.at
  const hint = causeOf(first, facts)
  return {
    message: `${facts.platform}: ${[...named, ...more].join('; ')}`,
    ...compact({ hint, at }),
  }
}

function describeOne({ path, problem, is, because, layer }: Finding, { instruction }: LayerFacts): string {
  const stage = instruction(layer)?.stage
  const place = [because, stage === undefined ? `layer ${layer + 1}` : `stage ${stage}`].filter(Boolean).join(', ')
  const shown = JSON.stringify(path)
  switch (problem) {
    case 'machine':
      return `${shown} is for ${is} (${place})`
    case 'level':
      return `${shown} needs a newer CPU, ${is} (${place})`
    case 'loader':
      return `${shown} names the loader "${is}", which is not in the image (${place})`
    case 'abi':
      return `${shown} has the ${is} ABI, and what loads it has another one (${place})`
    case 'interpreter':
      return `${shown} names the interpreter ${JSON.stringify(is)}, which is not in the image (${place})`
  }
}

function causeOf(
  { problem, layer, is }: Finding,
  { createdBy, sharedWith, instruction }: LayerFacts,
): string | undefined {
  if (problem === 'loader')
    return 'Install the C library that the program was linked with, or link it statically (musl and glibc are different loaders)'
  if (problem === 'interpreter' && is.endsWith('\r'))
    return 'The first line of the script ends as on Windows (\\r): save it with the line ends of Unix'
  if (problem === 'abi') return 'Take all programs and libraries from one distribution for the platform'
  if (problem === 'interpreter') return 'Install the interpreter, or correct the first line of the script'
  const text = createdBy(layer) ?? ''
  const word = FIXED.exec(text)?.[0]
  const isOfBase = instruction(layer) === undefined
  if (!isOfBase && word !== undefined && /^\s*(?:RUN|ADD)\b/.test(text))
    return `The instruction names "${word}": use the value of ARG TARGETARCH (TARGETPLATFORM, TARGETVARIANT) instead`
  const others = sharedWith(layer)
  if (others.length > 0)
    return `${others.join(', ')} ${others.length === 1 ? 'has' : 'have'} the same layer: copy from a stage or folder of each platform`
  if (isOfBase) return 'The base image has it: check whether FROM names the digest of one platform'
  return 'Build or download it for the target platform: see ARG TARGETARCH and FROM --platform=$BUILDPLATFORM'
}
