import { XbuildError } from '../errors.ts'
import { shorten } from './flags.ts'

/** `8000-8002/TCP` as `8000/tcp`, `8001/tcp`, `8002/tcp`; a host part in front is dropped. Throws BAD_DOCKERFILE. */
export function parsePorts(text: string): string[] {
  const slash = text.indexOf('/')
  const port = slash === -1 ? text : text.slice(0, slash)
  const protocol = (slash === -1 ? '' : text.slice(slash + 1).toLowerCase()) || 'tcp'
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw bad(text, `protocol "${shorten(protocol)}" is unknown`)
  const range = port.slice(port.lastIndexOf(':') + 1).split('-')
  if (range.length > 2 || !range.every(isPort)) throw bad(text, 'a port is a number from 0 to 65535')
  const [start = 0, end = start] = range.map(Number)
  if (end < start) throw bad(text, 'the range ends before it starts')
  return Array.from({ length: end - start + 1 }, (_, index) => `${start + index}/${protocol}`)
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535
}

function bad(text: string, state: string): XbuildError {
  return new XbuildError('BAD_DOCKERFILE', `Cannot expose port "${shorten(text)}": ${state}`, {
    hint: 'Write it like 8080, 53/udp or 8000-8010',
  })
}
