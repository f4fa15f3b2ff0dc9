import { isDeepStrictEqual } from 'node:util'
import { noSibling } from './no-sibling.ts'

/** What a Node says of itself and its machine: `qemu/speculate/facts.cjs`. */
export interface NodeFacts {
  readonly arch: string
  readonly version: string
  readonly versions: Readonly<Record<string, string>>
  readonly release: unknown
  readonly features: unknown
  readonly endianness: string
  readonly config: { readonly target_defaults: unknown; readonly variables: Readonly<Record<string, unknown>> }
  readonly machine: string
  readonly cpu: unknown
  readonly report: unknown
  readonly cpuinfo: string
  /** Results of functions in turn, 8 bytes each, in base64. */
  readonly numbers: string
}

/** Functions of `Math` whose results compilers round in two ways, in the order of `facts.cjs`. */
const FUNCTIONS =
  'acos acosh asin asinh atan atanh cbrt cos cosh exp expm1 log log1p log10 log2 sin sinh tan tanh'.split(' ')
/** What each of them was called with. */
const ARGUMENTS = [
  ...Array.from({ length: 5121 }, (_, index) => index - 1024),
  ...Array.from({ length: 2001 }, (_, index) => (index - 1000) / 10),
]

/** Variables of the build's configuration that depend on the CPU. */
const OF_CPU = [
  'host_arch',
  'target_arch',
  'arm_fpu',
  'arm_version',
  'v8_enable_gdbjit',
  'v8_enable_short_builtin_calls',
  'v8_enable_wasm_simd256_revec',
]

/** Names of CPUs, as Node has them, by GOARCH. */
const ARCHES: Readonly<Record<string, string>> = { amd64: 'x64', arm64: 'arm64' }

/** Reads what a Node said, which is somebody's program. Throws NOT_FOUND. */
export function readFacts(text: string): NodeFacts {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null
  try {
    const found = JSON.parse(text) as NodeFacts
    const texts = [found.arch, found.version, found.endianness, found.machine, found.cpuinfo, found.numbers]
    const objects = [found.versions, found.config, found.config.variables, found.cpu, found.report]
    if (texts.every((one) => typeof one === 'string') && objects.every(isObject)) return found
  } catch {
    // it is said below
  }
  throw noSibling('Node', 'a Node of the two images does not say what it is')
}

/** Looks whether two are one release for two CPUs, built alike. Throws NOT_FOUND with the reason. */
export function compareFacts(
  own: NodeFacts,
  other: NodeFacts,
  architectures: { readonly target: string; readonly host: string },
): void {
  const refuse = (state: string) => noSibling('Node', state)
  if (own.arch !== ARCHES[architectures.target] || other.arch !== ARCHES[architectures.host])
    throw refuse('they are not for the CPUs of the two images')
  if (!/^v\d+\.\d+\.\d+$/.test(own.version)) throw refuse(`"${own.version.slice(0, 50)}" is no release`)
  if (own.version !== other.version) throw refuse(`one is ${own.version}, the other ${other.version.slice(0, 50)}`)
  for (const name of ['versions', 'release', 'features', 'endianness'] as const)
    if (!isDeepStrictEqual(own[name], other[name])) throw refuse(`the two differ in process.${name}`)
  const [left, right] = [own, other].map(({ config: { variables, ...rest } }) => ({
    ...rest,
    variables: Object.fromEntries(Object.entries(variables).filter(([name]) => !OF_CPU.includes(name))),
  }))
  if (!isDeepStrictEqual(left, right)) throw refuse('the two were built with different settings')
}

/** The results of the first that are others than those of the second: function -> argument -> result, in hex. */
export function otherNumbers(
  own: Pick<NodeFacts, 'numbers'>,
  other: Pick<NodeFacts, 'numbers'>,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const [left, right] = [own, other].map(({ numbers }) => Buffer.from(numbers, 'base64'))
  const size = FUNCTIONS.length * ARGUMENTS.length * 8
  if (left!.length !== size || right!.length !== size) throw noSibling('Node', 'it does not calculate')
  const found = FUNCTIONS.map((name, row) => {
    const different = ARGUMENTS.flatMap((argument, column) => {
      const at = (row * ARGUMENTS.length + column) * 8
      const [result, its] = [left!.readDoubleLE(at), right!.readDoubleLE(at)]
      return Object.is(result, its) ? [] : [[hex(argument), hex(result)] as const]
    })
    return [name, Object.fromEntries(different)] as const
  })
  return Object.fromEntries(found)
}

function hex(number: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(number)
  return bytes.toString('hex')
}

/** Lines of /proc/cpuinfo that are the same each time it is read. */
export function steadyLines(cpuinfo: string): string {
  return cpuinfo
    .split('\n')
    .filter((line) => !/^(?:cpu MHz|BogoMIPS|bogomips)\s*:/.test(line))
    .join('\n')
}
