import { compact } from '../compact.ts'
import type { ContainerConfig } from '../oci/manifest.ts'
import type { Platform } from '../platform.ts'
import { isData, SHARED_OBJECT } from './data-files.ts'
import { isCLibrary, isFatal, type AuditResult, type Finding } from './findings.ts'
import type { ImageTree, PlacedProgram } from './image-tree.ts'
import { reachable } from './reachable.ts'
import { canAudit, createRunsOn, platformOf, type Runs } from './runs-on.ts'
import { createSets } from './sets.ts'
import type { Program } from './types.ts'

/** Changes with the rules: what older ones found nothing in is judged again. */
export const RULES = 2

/** What an image is, for an audit. */
export interface AuditedImage {
  readonly platform: Platform
  readonly config: ContainerConfig
  readonly tree: ImageTree
  /** Every layer was read: what is not in the tree is not in the image. */
  readonly isWhole: boolean
}

/** Looks for programs that will not run on the platform of their image. */
export function judge({ platform, config, tree, isWhole }: AuditedImage): AuditResult {
  if (!canAudit(platform)) return { findings: [], programs: 0 }
  const findings: Finding[] = []
  const started = reachable(tree, config)
  const runs = createRunsOn(platform)
  const sets = createSets(tree, platform, runs)
  const makers = levelOfMakers(tree)
  const hasLoader = loadersOf(tree)
  for (const file of tree.programs.values()) {
    const { because, abi } = started.get(file.path) ?? {}
    const found = wrongFor(file, { isWhole, abi, runs, makers, hasLoader })
    if (!found || (because === undefined && isData(file, platform))) continue
    const how = { isReached: because !== undefined, isStarted: because !== undefined && because !== 'PATH' }
    if ((found.problem === 'machine' || found.problem === 'level') && sets.holds(file, how)) continue
    findings.push({ path: `/${file.path}`, ...found, ...compact({ because }), layer: file.layer })
  }
  if (isWhole)
    for (const [path, { because, missing }] of started)
      if (missing !== undefined)
        findings.push({
          path: `/${path}`,
          problem: 'interpreter',
          is: missing,
          because,
          layer: tree.programs.get(path)?.layer ?? 0,
        })
  findings.sort((a, b) => weight(b) - weight(a) || (a.path < b.path ? -1 : 1))
  return { findings, programs: [...tree.programs.values()].filter(({ program }) => program !== undefined).length }
}

/** What ends a build is told first. */
function weight(finding: Finding): number {
  return Number(isFatal(finding)) + Number(finding.because !== undefined)
}

interface Circumstances {
  readonly isWhole: boolean
  /** The float ABI of what loads it. */
  readonly abi: string | undefined
  readonly runs: (program: Program) => Runs
  /** The level of CPUs that the image's C library needs, 0 for any. */
  readonly makers: number
  readonly hasLoader: (path: string, loader: string) => boolean
}

function wrongFor(
  file: PlacedProgram,
  { isWhole, abi, runs: runsHere, makers, hasLoader }: Circumstances,
): Pick<Finding, 'problem' | 'is'> | undefined {
  const { path, program, executable } = file
  if (!program) return undefined
  const runs = runsHere(program)
  if (runs === 'no') return { problem: 'machine', is: platformOf(program) }
  if (runs === 'level') {
    const isMeant = HWCAPS.test(path) || (levelOf(program) <= makers && !isCLibrary(`/${path}`))
    return isMeant ? undefined : { problem: 'level', is: platformOf(program) }
  }
  if (abi !== undefined && program.abi !== undefined && abi !== program.abi) return { problem: 'abi', is: program.abi }
  const { loader, kind } = program
  if (loader === undefined || kind !== 'program' || !isWhole || !executable || SHARED_OBJECT.test(path))
    return undefined
  return hasLoader(path, loader) ? undefined : { problem: 'loader', is: loader }
}

/** Tells whether a loader is in the image; for a program of a tree inside of the image, in that tree. */
function loadersOf(tree: ImageTree): (path: string, loader: string) => boolean {
  const known = new Map<string, boolean>()
  const isThere = (loader: string) => {
    let there = known.get(loader)
    if (there === undefined) known.set(loader, (there = tree.find(loader)?.program !== undefined))
    return there
  }
  return (path, loader) => {
    if (isThere(loader)) return true
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1))
      if (tree.find(`${path.slice(0, at)}/${loader}`)?.program) return true
    return false
  }
}

/** The level of CPUs that the makers of the distribution chose, as its C library says. */
function levelOfMakers(tree: ImageTree): number {
  let level = 0
  for (const { path, program } of tree.programs.values())
    if (program?.variant !== undefined && OF_SYSTEM.test(path) && isCLibrary(`/${path}`))
      level = Math.max(level, levelOf(program))
  return level
}

function levelOf({ variant = 'v0' }: Program): number {
  return Number(variant.slice(1))
}

/** The folders of a distribution's own libraries. */
const OF_SYSTEM = /^(?:usr\/)?lib(?:64)?\/(?:[^/]+\/)?[^/]+$/
/** Folders of libraries that the loader takes on newer CPUs only, beside others for the rest. */
const HWCAPS = /\/(?:glibc-hwcaps|haswell|xeon_phi|neon)\//
