import type { Platform } from '../platform.ts'
import type { LineInput } from './build-line.ts'
import { bool, duration, platforms } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import type { NodeDefinition } from './node.ts'
import type { RegistryConfig } from './options.ts'

/** What the flags of `xbuild doctor` say. */
export interface DoctorValues {
  readonly fix: boolean
  readonly json: boolean
  /** They must run: on this machine, and where a node is asked. */
  readonly platforms: readonly Platform[]
  /** Milliseconds that each node and registry may take. */
  readonly timeout: number
  readonly store?: string | undefined
}

/** `xbuild doctor`. */
export interface DoctorOptions extends DoctorValues {
  /** Registries, or images of them, that were named. */
  readonly words: readonly string[]
  readonly configured: readonly NodeDefinition[]
  readonly registries: Readonly<Record<string, RegistryConfig>>
  readonly cwd: string
}

/** Every flag of `xbuild doctor`. */
export const DOCTOR_FLAGS: { readonly [K in keyof DoctorValues]-?: Flag<DoctorValues[K]> } = {
  fix: {
    name: 'fix',
    group: 'common',
    help: 'Do what is safe: install missing packages (apt-get), give this user a range of ids, check the store; each action is printed before it runs',
    absent: false,
    parse: bool,
  },
  json: { name: 'json', group: 'common', help: 'Print findings as JSON', absent: false, parse: bool },
  platforms: {
    name: 'platform',
    placeholder: 'OS/ARCH[/VARIANT]',
    repeat: true,
    group: 'common',
    help: 'Platforms that this machine must be able to run',
    default: 'the platforms of xbuild.yaml',
    absent: [],
    parse: platforms,
  },
  timeout: {
    name: 'timeout',
    placeholder: 'DURATION',
    group: 'common',
    help: 'How long each node and each registry may take to answer',
    default: '2s',
    absent: 2000,
    parse: duration,
  },
  store: FLAGS.store,
}

/** Reads the words and values of `xbuild doctor`. */
export function readDoctorCommand(values: DoctorValues, { words, file, cwd }: LineInput): DoctorOptions {
  return { ...values, words, configured: file?.nodes ?? [], registries: file?.registries ?? {}, cwd }
}
