import { splitFields } from '../split.ts'
import type {
  ExposeInstruction,
  MaintainerInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from '../types.ts'
import { failArguments, flagsOf, jsonListOf, type Request } from './request.ts'

type Single = WorkdirInstruction | UserInstruction | StopsignalInstruction | MaintainerInstruction

/** `WORKDIR`, `USER`, `STOPSIGNAL`, `MAINTAINER`: the rest of the line is the one argument. */
export function parseSingle(request: Request): Single | undefined {
  flagsOf(request, {})
  const { name, at, text, rest } = request
  if (rest === '') return failArguments(request, 'it has no argument', `Write ${name} VALUE`)
  switch (name) {
    case 'WORKDIR':
      return { kind: 'workdir', at, text, path: rest }
    case 'USER':
      return { kind: 'user', at, text, user: rest }
    case 'STOPSIGNAL':
      return { kind: 'stopsignal', at, text, signal: rest }
    default:
      return { kind: 'maintainer', at, text, name: rest }
  }
}

/** `EXPOSE PORT[-PORT][/PROTOCOL] ...` */
export function parseExpose(request: Request): ExposeInstruction | undefined {
  flagsOf(request, {})
  const ports = splitFields(request.rest).toSorted()
  if (ports.length === 0) return failArguments(request, 'it has no ports', 'Write EXPOSE PORT[/PROTOCOL]')
  return { kind: 'expose', at: request.at, text: request.text, ports }
}

/** `VOLUME PATH ...` or `VOLUME ["PATH", ...]` */
export function parseVolume(request: Request): VolumeInstruction | undefined {
  flagsOf(request, {})
  const list = jsonListOf(request)
  if (list === 'mixed') return undefined
  const paths = (list ?? splitFields(request.rest)).map((path) => path.trim())
  if (paths.length === 0) return failArguments(request, 'it has no paths', 'Write VOLUME PATH')
  if (paths.includes('')) return failArguments(request, 'a path is empty', 'Write VOLUME PATH')
  return { kind: 'volume', at: request.at, text: request.text, paths }
}
