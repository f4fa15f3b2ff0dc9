import { ARCHITECTURES, type Architecture } from '../architectures.ts'
import { probeProgram, PROBE_STATUS } from '../probe-program.ts'
import { PACKS_IN_CONTAINER } from './pack.ts'

/** The exit status of the twin of a proof; its program exits with `PROBE_STATUS`. */
export const TWIN_STATUS: number = PROBE_STATUS + 1

/** As long as those of linkers. */
const ID = Buffer.from('xbuild-handler-proof')
const NAME = 'probe'

/**
 * Every kind of rule that recipes may have and that holds here: a handler that is too old for one leaves the program
 * to QEMU.
 */
const RULES = [
  'skip --no-such-option',
  'both --no-such-option --nor-this',
  'ending .no-such-end',
  'none --no-such-option --nor-this',
  'flags Z',
  'lacks Z',
  'nowhere no-such-text',
  'with --no-such-option value',
  'swap --no-such-option old new',
  'names',
  'absent /dev/.xbuild/nothing',
  'alike /dev/.xbuild/nothing 00',
  'without XBUILD_NOTHING',
  'not XBUILD_NOTHING=1',
  'either XBUILD_NOTHING nothing',
  'users',
  'files /dev/.xbuild/nothing .so none',
  'kept /dev/.xbuild/nothing 00',
  'among XBUILD_NOTHING none',
  'if --no-such-option',
  'end',
  'unless --no-such-option',
  'end',
  'path XBUILD_PROOF /nowhere',
  'env XBUILD_PROVEN=1',
  'add --an-argument',
  'preload /dev/.xbuild/nothing',
  `exec ${PACKS_IN_CONTAINER}/twin`,
]

/** A program, and what the handler has to see to start a native one in its place. */
export interface HandlerProof {
  readonly name: string
  readonly program: Buffer
  /** Files below the folder that the handler looks into; those with a mode may be started. */
  readonly files: readonly { readonly path: string; readonly content: Buffer; readonly mode: number }[]
}

/**
 * What shows whether programs of an architecture go to the handler on a machine of architecture `own` (GOARCH);
 * undefined where there is no handler.
 */
export function handlerProof(architecture: Architecture, own: string): HandlerProof | undefined {
  const twin = twinProgram(own)
  if (!twin) return undefined
  return {
    name: NAME,
    program: probeProgram(architecture, { id: ID }),
    files: [
      { path: `step/names/${NAME}`, content: Buffer.alloc(0), mode: 0o644 },
      { path: `step/rules/${ID.toString('hex')}`, content: Buffer.from(`${RULES.join('\n')}\n`), mode: 0o644 },
      { path: 'packs/twin', content: twin, mode: 0o755 },
    ],
  }
}

/** A native program that exits with `TWIN_STATUS`: the probe with another number. */
function twinProgram(own: string): Buffer | undefined {
  const architecture = ARCHITECTURES.find(({ name }) => name === own)
  if (!architecture || (own !== 'amd64' && own !== 'arm64')) return undefined
  const program = probeProgram(architecture)
  const code = 64 + 56
  if (own === 'amd64') program.writeUInt32LE(TWIN_STATUS, code + 1)
  else program.writeUInt32LE(0xd2800000 + (TWIN_STATUS << 5), code)
  return program
}
