import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../../errors.ts'
import { readElf } from '../elf.ts'
import { builtDifferently, readGoBuild } from './build-info.ts'
import { isRealFolder, readPlain } from './read-inside.ts'
import { sameTree } from './same-tree.ts'
import type { SiblingTrees } from './step-sibling.ts'

/** Where official images have Go. */
export const GO_ROOT = 'usr/local/go'

/** Names of both architectures, as GOARCH. */
export interface Architectures {
  readonly target: string
  readonly host: string
}

/** A program of both trees. */
export interface GoProgram {
  /** Build-id of the image's. */
  readonly id: string
  /** Its path in the image. */
  readonly path: string
  /** The file of the other one. */
  readonly twin: string
}

/** What was found to be the same Go for two CPUs. */
export interface GoTrees {
  readonly version: string
  /** Over everything that is equal in them. Hex. */
  readonly digest: string
  program(name: string): Promise<GoProgram | undefined>
}

/** Releases; what is built between them does not name what it is. */
const RELEASE = /^go1\.\d+(?:\.\d+)?(?:rc\d+|beta\d+)?$/
/** ELF's numbers of machines. */
const MACHINES: Readonly<Record<string, number>> = { amd64: 62, arm64: 183 }
const BASELINE = ['build\tGOAMD64=v1', 'build\tGOARM64=v8.0']
/** No program of a toolchain is larger. Bytes. */
export const MAX_PROGRAM = 200_000_000
const MAX_VERSION = 10_000

/**
 * Looks whether two layers hold the same Go: the same release, and the same sources and data, file by file. Only
 * `bin`, `pkg/tool` and packages that were compiled for the own CPU may differ. Throws NOT_FOUND with the reason.
 */
export async function compareGo({ target, sibling }: SiblingTrees, architectures: Architectures): Promise<GoTrees> {
  const [left, right] = [join(target, GO_ROOT), join(sibling, GO_ROOT)]
  for (const root of [target, sibling])
    for (const path of ['usr', 'usr/local', GO_ROOT, ...['bin', 'pkg', 'pkg/tool', 'src'].map((one) => inGo(one))])
      if (!isRealFolder(root, path)) throw noGo(`"/${path}" is no folder in both images`)
  for (const [root, name] of [
    [target, architectures.target],
    [sibling, architectures.host],
  ] as const)
    if (!isRealFolder(root, inGo(`pkg/tool/linux_${name}`))) throw noGo(`it has no programs for ${name}`)
  const own = [architectures.target, architectures.host].flatMap((name) => [
    `pkg/linux_${name}`,
    `pkg/tool/linux_${name}`,
  ])
  const same = await sameTree({ left, right, except: ['bin/go', 'bin/gofmt', ...own] })
  if ('different' in same) throw noGo(`the two images hold different files of it: ${same.different}`)
  const version = readPlain(target, inGo('VERSION'), MAX_VERSION)?.toString('utf8').split('\n')[0] ?? ''
  if (!RELEASE.test(version)) throw noGo('its file VERSION names no release of Go')
  return { version, digest: same.digest, program }

  async function program(name: string): Promise<GoProgram | undefined> {
    const fileIn = (architecture: string) =>
      name === 'go' || name === 'gofmt' ? `bin/${name}` : `pkg/tool/linux_${architecture}/${name}`
    const path = inGo(fileIn(architectures.target))
    const twin = inGo(fileIn(architectures.host))
    const [bytes, others] = [readProgram(target, path), readProgram(sibling, twin)]
    if (!bytes || !others) return undefined
    const id = machineOf(bytes) === MACHINES[architectures.target] ? readElf(bytes)?.id : undefined
    const elf = machineOf(others) === MACHINES[architectures.host] ? readElf(others) : undefined
    if (id === undefined || !elf) throw noGo(`${name} is no program of the image's CPU, or has no build-id`)
    if (elf.interpreter !== undefined || elf.needed.length > 0) throw noGo(`${name} needs libraries`)
    const [build, its] = [readGoBuild(bytes), readGoBuild(others)]
    const unlike = builtDifferently(build, its)
    if (unlike !== undefined) throw noGo(`${name}: ${unlike}`)
    if (build!.version !== version) throw noGo(`${name} is not of ${version}`)
    const wrong = its!.settings.find((line) => /^build\tGO(?:AMD64|ARM64)=/.test(line) && !BASELINE.includes(line))
    if (wrong !== undefined) throw noGo(`${name} is for some CPUs only`)
    if (!build!.settings.includes(`path\tcmd/${name}`)) throw noGo(`${name} is another program`)
    return { id, path: `/${path}`, twin: join(sibling, twin) }
  }
}

/** Both have it as a plain file of the image, or it is none. */
function readProgram(root: string, path: string): Buffer | undefined {
  if (!lstatSync(join(root, path), { throwIfNoEntry: false })) return undefined
  const bytes = readPlain(root, path, MAX_PROGRAM)
  if (!bytes) throw noGo(`"${path.split('/').at(-1)}" is no program`)
  return bytes
}

const inGo = (path: string) => `${GO_ROOT}/${path}`

const machineOf = (program: Buffer) => (program.length > 20 ? program.readUInt16LE(18) : undefined)

/** Why there is no pack of an image's Go. */
export function noGo(state: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot use Go of the image's sibling: ${state}`)
}
