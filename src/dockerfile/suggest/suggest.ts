import { compact } from '../../compact.ts'
import { DockerfileError } from '../../errors.ts'
import { samePlatform } from '../../platform.ts'
import { buildStageGraph } from '../graph.ts'
import type { Stage, StageGraph } from '../types.ts'
import { c } from './c.ts'
import { cargo } from './cargo.ts'
import { cmake } from './cmake.ts'
import type { Detector, Proposal } from './detector.ts'
import { unifiedDiff } from './diff.ts'
import { applyEdits, createDraft } from './draft.ts'
import { fetch } from './fetch.ts'
import { go } from './go.ts'
import { neutral } from './neutral.ts'
import { isHarmless } from './programs.ts'
import { linesOf, type Place } from './script.ts'
import { unsound } from './sound.ts'
import type { Advice, SuggestInput, Suggestions, SuggestionKind } from './types.ts'
import type { Unit } from './unit.ts'
import { unitsOf, type Units } from './units.ts'
import { zig } from './zig.ts'

/** The first one whose work a stage does looks at it. */
const DETECTORS: readonly Detector[] = [go, cargo, zig, cmake, c, neutral, fetch]

/** What is found for the stages of one unit. */
type Verdict =
  | { readonly status: 'suggested'; readonly kind: SuggestionKind; readonly proposal: Proposal }
  | {
      readonly status: 'done' | 'none'
      readonly reason: string /** Its results are the same for all platforms. */
      readonly neutral?: boolean
    }

/**
 * The smallest change of a Dockerfile that makes its build stages run on the build platform, for each stage the change
 * or why there is none. Only where the results stay those of the target platform. Throws BAD_DOCKERFILE.
 */
export function suggestCross(input: SuggestInput): Suggestions {
  const { dockerfile, text, platforms, buildPlatform, buildArgs } = input
  const target = platforms.find((platform) => !samePlatform(platform, buildPlatform)) ?? platforms[0] ?? buildPlatform
  const options = { target, buildPlatform, buildArgs, namedContexts: [] }
  const every = buildStageGraph(dockerfile, { ...options, everyStage: true })
  const wanted = buildStageGraph(dockerfile, {
    ...options,
    ...compact({ targetStage: input.targetStage }),
  })
  const errors = [...every.diagnostics, ...wanted.diagnostics].filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new DockerfileError(errors)

  const lines = linesOf(text)
  const units = unitsOf(dockerfile, { lines, graph: every.graph })
  const draft = createDraft({ file: dockerfile.file, lines, parents: units.parents })
  const verdicts = new Map<Unit, Verdict>()
  const needed = new Set(wanted.graph.stages.map(({ index }) => index))
  // A unit reads from units that start before it
  for (const unit of units.all) {
    const verdict = judge(unit, { input, units, every: every.graph, wanted: wanted.graph, needed, verdicts })
    verdicts.set(unit, verdict)
    if (verdict.status !== 'suggested') continue
    verdict.proposal.apply(draft)
    changeFrom(unit.root, lines, draft.change)
    for (const stage of unit.stages) dropDefaults(stage, lines, draft.change)
  }
  const edits = draft.finish()
  return {
    stages: dockerfile.stages.map((stage) => advice(stage, verdicts.get(units.of(stage))!, wanted.graph)),
    edits,
    text: applyEdits(lines, edits).join('\n'),
    diff: unifiedDiff(dockerfile.file, text, edits),
  }
}

interface Surroundings {
  readonly input: SuggestInput
  readonly units: Units
  readonly every: StageGraph
  readonly wanted: StageGraph
  /** Indexes of the stages of `wanted`. */
  readonly needed: ReadonlySet<number>
  readonly verdicts: ReadonlyMap<Unit, Verdict>
}

function judge(unit: Unit, around: Surroundings): Verdict {
  const {
    wanted,
    input: { dockerfile, platforms },
  } = around
  const { root } = unit
  const none = (reason: string): Verdict => ({ status: 'none', reason })
  const needed = ({ index }: Stage) => around.needed.has(index)
  if (unit.stages.some(({ index }) => index === wanted.targetStage))
    return none('the final stage is built from it: its programs are those of the image')
  if (!unit.stages.some(needed)) return none('the target does not need it')
  const idle = unit.runs.length === 0
  if (idle) return { status: 'none', reason: 'nothing runs in it', neutral: root.from.image === 'scratch' }
  const alone = unit.stages.find((stage) => !needed(stage))
  if (alone) return none(`${nameOf(alone)} belongs to it and may be built as a target of its own`)
  const { platform } = root.from
  const isDone = platform !== undefined && /^\$\{?BUILDPLATFORM\}?$/.test(platform)
  if (platform !== undefined && !isDone && !/^\$\{?TARGETPLATFORM\}?$/.test(platform))
    return none(`FROM names the platform ${platform}`)
  const shadow = dockerfile.metaArgs.find(({ args }) =>
    args.some(({ name, value }) => PLATFORM_ARG.test(name) && value !== undefined),
  )
  if (shadow) return none(`line ${shadow.at.line} hides the platform with a value of its own`)
  const found = detect(unit, around, platforms)
  if (isDone) {
    const wrong = typeof found !== 'string' && found.kind === 'go' && found.proposal.needed
    if (wrong)
      return {
        status: 'suggested',
        kind: 'go',
        proposal: {
          ...found.proposal,
          summary: 'it runs on the build platform already, but go build does not get the target',
        },
      }
    return {
      status: 'done',
      reason: 'it runs on the build platform already',
      neutral: typeof found !== 'string' && found.proposal.neutral === true,
    }
  }
  return typeof found === 'string' ? none(found) : { status: 'suggested', ...found }
}

function detect(
  unit: Unit,
  around: Surroundings,
  platforms: SuggestInput['platforms'],
): { kind: SuggestionKind; proposal: Proposal } | string {
  const reason = unsound(unit) ?? importProblem(unit, around)
  if (reason !== undefined) return reason
  const detector = DETECTORS.find((one) => unit.commands.some((command) => one.builds(command, unit)))
  const unknown = unit.commands.find(
    (command) => !detector?.builds(command, unit) && !detector?.knows(command, unit) && !isHarmless(command),
  )
  if (unknown)
    return `${unknown.words.slice(0, 3).join(' ').slice(0, 60)} (line ${unknown.line}) is unknown to xbuild: it may run or make something for the machine that it runs on`
  if (!detector) return 'xbuild knows none of its build commands'
  const proposal = detector.propose(unit, { platforms })
  return typeof proposal === 'string' ? proposal : { kind: detector.kind, proposal }
}

/** What a stage takes from elsewhere is for the target platform, and cannot be run or linked on another. */
function importProblem(unit: Unit, { every, units, verdicts }: Surroundings): string | undefined {
  for (const stage of unit.stages) {
    const { froms = {} } = every.stages[stage.index] ?? {}
    for (const [text, source] of Object.entries(froms)) {
      if (source.kind === 'image')
        return `it takes files of the image "${text}", which are those of the target platform: write FROM --platform=$BUILDPLATFORM ${text} AS a stage, and take them from that`
      if (source.kind !== 'stage') continue
      const other = units.of(every.stages[source.index]!.stage)
      if (other === unit) continue
      const verdict = verdicts.get(other)
      const isNeutral = verdict?.status === 'suggested' ? verdict.proposal.neutral : verdict?.neutral
      if (!isNeutral) return `it takes files of ${nameOf(other.root)}, which are those of the target platform`
    }
  }
  return undefined
}

const PLATFORM_ARG = /^(BUILD|TARGET)(PLATFORM|OS|ARCH|VARIANT)$/

type Change = (place: Place, text: string, remove?: number) => void

function changeFrom({ from: { at, platform } }: Stage, lines: readonly string[], change: Change): void {
  if (platform !== undefined && /BUILDPLATFORM/.test(platform)) return
  for (let line = at.line; line <= (at.endLine ?? at.line); line++) {
    const old = lines[line - 1]!
    const flag = old.indexOf('--platform=')
    const stop = flag === -1 ? -1 : old.slice(flag).search(/[\s\\]|$/)
    if (flag !== -1) return change({ line, column: flag }, '--platform=$BUILDPLATFORM', stop)
    if (line === at.line && platform === undefined)
      return change({ line, column: /from/i.exec(old)!.index + 4 }, ' --platform=$BUILDPLATFORM')
  }
}

/** `ARG TARGETARCH=amd64` hides the platform from what follows it. */
function dropDefaults({ instructions }: Stage, lines: readonly string[], change: Change): void {
  for (const { kind, at } of instructions) {
    if (kind !== 'arg') continue
    for (let line = at.line; line <= (at.endLine ?? at.line); line++) {
      const found = /\b(TARGET(?:PLATFORM|OS|ARCH|VARIANT))(=[^\s\\]+)/.exec(lines[line - 1]!)
      if (found) change({ line, column: found.index + found[1]!.length }, '', found[2]!.length)
    }
  }
}

function advice(stage: Stage, verdict: Verdict, { targetStage }: StageGraph): Advice {
  const base = { stage: stage.name ?? String(stage.index), line: stage.from.at.line }
  if (verdict.status === 'suggested') {
    const { summary, win, left } = verdict.proposal
    return { ...base, status: 'suggested', kind: verdict.kind, summary, win, left }
  }
  const reason =
    stage.index === targetStage ? 'it is the final stage: its programs are those of the image' : verdict.reason
  return { ...base, status: verdict.status, reason }
}

function nameOf({ name, index }: Stage): string {
  return `stage "${name ?? index}"`
}
