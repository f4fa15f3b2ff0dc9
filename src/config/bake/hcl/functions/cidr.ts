import { FunctionError, intOf, type LibraryFunction, numOf, parameter, textOf } from '../function.ts'
import { isInt, toBigInt } from '../number.ts'
import { NUMBER, STRING } from '../types.ts'
import { list, text, type Value } from '../value.ts'

interface Network {
  readonly address: bigint
  readonly length: number
  /** 32 or 128. */
  readonly bits: number
}

function parseNetwork(value: string): Network {
  const [, host = '', length = ''] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(value) ?? []
  const found = host.includes(':') ? parseV6(host) : parseV4(host)
  const bits = host.includes(':') ? 128 : 32
  if (found === undefined || Number(length) > bits) throw new FunctionError(`invalid CIDR expression: "${value}"`)
  const free = BigInt(bits - Number(length))
  return { address: (found >> free) << free, length: Number(length), bits }
}

function parseV4(host: string): bigint | undefined {
  const parts = host.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}

function parseV6(host: string): bigint | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(host)
  if (dotted) {
    const last = parseV4(dotted[2]!)
    if (last === undefined) return undefined
    return parseV6(`${dotted[1]}${(last >> 16n).toString(16)}:${(last & 0xffffn).toString(16)}`)
  }
  const [left, right, more] = host.split('::')
  if (more !== undefined) return undefined
  const head = left ? left.split(':') : []
  const tail = right ? right.split(':') : []
  const missing = 8 - head.length - tail.length
  if (right === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array<string>(right === undefined ? 0 : missing).fill('0'), ...tail]
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n)
}

function show(address: bigint, bits: number): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join('.')
  const groups = Array.from({ length: 8 }, (_, at) => Number((address >> BigInt(16 * (7 - at))) & 0xffffn))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return show(address & 0xffffffffn, 32)
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (groups[start + length] === 0) length += 1
    if (length > best.length) best = { start, length }
  }
  const hex = groups.map((group) => group.toString(16))
  if (best.start < 0) return hex.join(':')
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`
}

function whole(value: Value | undefined, name: string): bigint {
  if (!isInt(numOf(value))) throw new FunctionError(`${name} must be a whole number`)
  return toBigInt(numOf(value))
}

function host({ address, length, bits }: Network, number: bigint): string {
  const size = 1n << BigInt(bits - length)
  const wanted = number < 0n ? size + number : number
  if (wanted < 0n || wanted >= size)
    throw new FunctionError(`prefix of ${length} does not accommodate a host numbered ${number}`)
  return show(address + wanted, bits)
}

function mask({ length, bits }: Network): string {
  const free = BigInt(bits - length)
  return show((((1n << BigInt(bits)) - 1n) >> free) << free, bits)
}

function longer({ length, bits }: Network, more: number): number {
  if (more < 0 || length + more > bits)
    throw new FunctionError(`insufficient address space to extend prefix of ${length} by ${more}`)
  return length + more
}

function subnet(network: Network, more: number, number: bigint): string {
  const length = longer(network, more)
  if (number < 0n || number >= 1n << BigInt(more))
    throw new FunctionError(`prefix extension of ${more} does not accommodate a subnet numbered ${number}`)
  return `${show(network.address + (number << BigInt(network.bits - length)), network.bits)}/${length}`
}

function subnets(network: Network, more: readonly number[]): string[] {
  const end = network.address + (1n << BigInt(network.bits - network.length))
  let next = network.address
  return more.map((each) => {
    if (each < 1) throw new FunctionError('must extend prefix by at least one bit')
    if (each > 32) throw new FunctionError('may not extend prefix by more than 32 bits')
    const length = longer(network, each)
    const size = 1n << BigInt(network.bits - length)
    const start = ((next + size - 1n) / size) * size
    if (start + size > end)
      throw new FunctionError(`not enough remaining address space for a subnet with a prefix of ${length} bits`)
    next = start + size
    return `${show(start, network.bits)}/${length}`
  })
}

const PREFIX = parameter('prefix', STRING)

/** Functions of IP networks. */
export const CIDR_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  cidrhost: {
    parameters: [PREFIX, parameter('hostnum', NUMBER)],
    run: ([prefix, number]) => text(host(parseNetwork(textOf(prefix)), whole(number, 'hostnum'))),
  },
  cidrnetmask: { parameters: [PREFIX], run: ([prefix]) => text(mask(parseNetwork(textOf(prefix)))) },
  cidrsubnet: {
    parameters: [PREFIX, parameter('newbits', NUMBER), parameter('netnum', NUMBER)],
    run: ([prefix, bits, number]) =>
      text(subnet(parseNetwork(textOf(prefix)), intOf(bits, 'newbits'), whole(number, 'netnum'))),
  },
  cidrsubnets: {
    parameters: [PREFIX],
    rest: parameter('newbits', NUMBER),
    run: ([prefix, ...bits]) =>
      list(
        STRING,
        subnets(
          parseNetwork(textOf(prefix)),
          bits.map((each) => intOf(each, 'newbits')),
        ).map(text),
      ),
  },
}
