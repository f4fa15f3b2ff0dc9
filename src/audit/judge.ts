import { compact } from '../compact.ts'
import type { ContainerConfig } from '../oci/manifest.ts'
import type { Platform } from '../platform.ts'
import { isFatal, type AuditResult, type Finding } from './findings.ts'
import type { ImageTree, PlacedProgram } from './image-tree.ts'
import { reachable } from './reachable.ts'
import { canAudit, platformOf, runsOn } from './runs-on.ts'

/** Changes with the rules: what older ones found nothing in is judged again. */
export const RULES = 1

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
  const siblings = siblingsOf(tree, platform)
  const named = namedSiblingsOf(tree, platform)
  for (const file of tree.programs.values()) {
    const { because, abi } = started.get(file.path) ?? {}
    const found = wrongFor(file, { platform, tree, isWhole, because, abi })
    const isChosen = (because === undefined || because === 'PATH') && named.has(withoutCpu(file.path) ?? '')
    if (found && !isChosen && !isOfASet(file, { siblings, platform }))
      findings.push({
        path: `/${file.path}`,
        ...found,
        ...compact({ because }),
        layer: file.layer,
      })
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
  readonly platform: Platform
  readonly tree: ImageTree
  readonly isWhole: boolean
  readonly because: string | undefined
  /** The float ABI of what loads it. */
  readonly abi: string | undefined
}

function wrongFor(
  { path, program, executable }: PlacedProgram,
  { platform, tree, isWhole, because, abi }: Circumstances,
): Pick<Finding, 'problem' | 'is'> | undefined {
  if (!program) return undefined
  // Files of other systems are data (launchers that pip brings, assemblies of .NET) until something starts them
  if (program.format !== formatOf(platform) && because === undefined) return undefined
  if (because === undefined && DATA.test(path)) return undefined
  const runs = runsOn(program, platform)
  if (runs === 'no') return { problem: 'machine', is: platformOf(program) }
  if (runs === 'level') return { problem: 'level', is: platformOf(program) }
  if (abi !== undefined && program.abi !== undefined && abi !== program.abi) return { problem: 'abi', is: program.abi }
  const { loader, kind } = program
  if (loader === undefined || kind !== 'program' || !isWhole || !executable) return undefined
  return tree.find(loader)?.program ? undefined : { problem: 'loader', is: loader }
}

/** What the kernel loads into devices, and what tests of Go's tools are made with: nothing of it is started. */
const DATA = /^(?:usr\/)?lib\/firmware\/|(?:^|\/)testdata\//

function formatOf({ os }: Platform): 'elf' | 'pe' | 'macho' {
  return os === 'windows' ? 'pe' : os === 'darwin' ? 'macho' : 'elf'
}

const TRIPLET = /^([a-z0-9_]+)-(?:linux|unknown-linux|pc-linux)-(?:gnu|musl|uclibc)[a-z0-9_]*$/
/** What architectures are called in triplets, where that is not their GOARCH. */
const IN_TRIPLETS: Readonly<Record<string, RegExp>> = {
  amd64: /^x86_64$/,
  '386': /^i[3-6]86$/,
  arm64: /^aarch64$/,
  arm: /^arm/,
  ppc64le: /^powerpc64le$/,
  loong64: /^loongarch64$/,
}

/** glibc's own library can be started, to tell its version. */
const SHARED_OBJECT = /\.so(?:\.\d+)*$/

/** Whether a folder is for programs of another CPU, as its name says. */
function isOfOther(folder: string, { architecture }: Platform): boolean {
  const cpu = TRIPLET.exec(folder)?.[1]
  return cpu !== undefined && cpu !== architecture && IN_TRIPLETS[architecture]?.test(cpu) !== true
}

/**
 * Whether a library belongs to a set for several platforms, of which a program takes its own: those of a cross
 * toolchain, below a folder with the name of its target; or beside a folder with the same library for this platform
 * (`prebuilds/linux-arm64/` of Node's packages, `runtimes/linux-x64/` of .NET's).
 */
function isOfASet(
  { path, program, executable }: PlacedProgram,
  { siblings, platform }: { readonly siblings: ReadonlySet<string>; readonly platform: Platform },
): boolean {
  if (
    (program?.kind === 'library' || SHARED_OBJECT.test(path)) &&
    path
      .split('/')
      .slice(0, -1)
      .some((part) => isOfOther(part, platform))
  )
    return true
  if (executable && program?.kind === 'program') return false
  return withOneFolderOpen(path).some((key) => siblings.has(key))
}

/** The paths of good programs and libraries, each folder with the name of a CPU left open in turn. */
function siblingsOf(tree: ImageTree, platform: Platform): ReadonlySet<string> {
  const good = [...tree.programs.values()].filter(({ program }) => program && runsOn(program, platform) === 'yes')
  return new Set(good.flatMap(({ path }) => withOneFolderOpen(path)))
}

/** As they stand in the names of files. */
const CPU =
  /(?<=[-_.])(?:amd64|x86_64|x64|i[36]86|386|arm64|aarch64|arm(?:hf|el|v[5-8]l?)?|riscv64|ppc64(?:le|el)?|s390x|loong64)(?=[-_.]|$)/

/** A path whose file is named after a CPU, without the name of the CPU. */
function withoutCpu(path: string): string | undefined {
  const at = path.lastIndexOf('/') + 1
  const name = path.slice(at)
  return CPU.test(name) ? `${path.slice(0, at)}${name.replace(CPU, '*')}` : undefined
}

/** Good programs beside which there may be some for other CPUs: `gosu-arm64` and `gosu-amd64`. */
function namedSiblingsOf(tree: ImageTree, platform: Platform): ReadonlySet<string> {
  const good = [...tree.programs.values()].filter(({ program }) => program && runsOn(program, platform) === 'yes')
  return new Set(good.flatMap(({ path }) => withoutCpu(path) ?? []))
}

/** Names of folders for one CPU: `linux-x64`, `linux_aarch64`, `win32-ia32`, `aarch64`. */
const FOLDER_OF_CPU =
  /[-_.](?:amd64|x86[-_]64|x86|x64|i[3-6]86|ia32|386|arm64|aarch64|arm[a-z0-9]*|riscv64|ppc64[a-z]*|powerpc64[a-z]*|s390x|loong(?:arch)?64|mips[a-z0-9]*)(?=[-_.]|$)|^(?:x86[-_]64|x64|amd64|i[3-6]86|arm64|aarch64|arm[a-z0-9]*|riscv64|powerpc64le|s390x)(?:[-_.]|$)/

function withOneFolderOpen(path: string): string[] {
  const parts = path.split('/')
  return parts.flatMap((part, index) =>
    index > 0 && index < parts.length - 1 && FOLDER_OF_CPU.test(part) ? [parts.with(index, '*').join('/')] : [],
  )
}
