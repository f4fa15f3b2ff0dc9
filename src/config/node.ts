import { compact } from '../compact.ts'
import { type Platform, parsePlatform } from '../platform.ts'
import { type Endpoint, parseEndpoint } from './endpoint.ts'
import { badValue, parseBool, parseWhole } from './values.ts'

/** A machine to build on, as somebody defined it; nobody has asked it anything yet. */
export interface NodeDefinition {
  readonly name: string
  readonly endpoint: Endpoint
  /** Only for these; absent: whatever it runs. */
  readonly platforms?: readonly Platform[]
  /** Jobs at a time; absent: 4. */
  readonly slots?: number
  /**
   * Its emulated steps are given this machine's packs of native toolchains: its handlers are to start programs from
   * them.
   */
  readonly packs?: boolean
  /** Where it was defined, for people: `xbuild.yaml`, `DOCKER_HOST`. */
  readonly origin: string
}

/** What is written of a node in xbuild.yaml and in the file of `xbuild node`. */
export interface NodeSettings {
  readonly endpoint: string
  readonly platforms?: readonly string[]
  readonly slots?: string
  /** `true` or `false`. */
  readonly packs?: string
}

/** Jobs that a node gets at a time when nobody says. */
export const DEFAULT_SLOTS = 4

/** Reads what is written of a node. Throws BAD_OPTION or BAD_PLATFORM. */
export function parseNode(name: string, settings: NodeSettings, origin: string): NodeDefinition {
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name)) {
    throw badValue('node name', name, 'it is not a valid name', 'Use letters, digits, ".", "_" and "-"')
  }
  if (name === 'local') throw badValue('node name', name, 'the name is reserved for this machine', 'Take another name')
  const packs = settings.packs === undefined ? undefined : parseBool(settings.packs, `packs of node "${name}"`)
  const endpoint = parseEndpoint(settings.endpoint, `endpoint of node "${name}"`)
  if (packs && endpoint.kind === 'local')
    throw badValue(`packs of node "${name}"`, 'true', 'the engine of this machine has them anyway', 'Leave it out')
  const platforms = settings.platforms?.flatMap((text) => text.split(',')).map((text) => parsePlatform(text))
  return {
    name,
    endpoint,
    ...compact({ platforms }),
    ...(settings.slots === undefined ? {} : { slots: parseWhole(settings.slots, 1, `slots of node "${name}"`) }),
    ...compact({ packs }),
    origin,
  }
}

/** This machine with xbuild's own engine. */
export const LOCAL_NODE: NodeDefinition = { name: 'local', endpoint: { kind: 'local' }, origin: 'this machine' }
