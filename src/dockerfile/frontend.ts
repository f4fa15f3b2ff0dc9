import { XbuildError, type SourcePosition } from '../errors.ts'
import { familiarReference, parseReference } from '../oci/reference.ts'
import { shorten } from './flags.ts'
import type { Dockerfile } from './types.ts'

/** The images of the frontend whose language this is; tag and digest do not matter. */
const OWN: ReadonlySet<string> = new Set(['docker/dockerfile', 'docker/dockerfile-upstream'])

/** Refuses a Dockerfile that is written for another frontend than Docker's own; BUILDKIT_SYNTAX wins over the file. Throws UNSUPPORTED. */
export function checkFrontend({ file, directives }: Pick<Dockerfile, 'file' | 'directives'>, buildArgs: Readonly<Record<string, string>>): void {
  const given = Object.hasOwn(buildArgs, 'BUILDKIT_SYNTAX') ? buildArgs['BUILDKIT_SYNTAX']! : ''
  if (given !== '') return refuseOthers(given, { what: 'BUILDKIT_SYNTAX' })
  if (directives.syntax !== undefined) refuseOthers(directives.syntax, { what: 'syntax', at: directives.at?.syntax ?? { file, line: 1 } })
}

/** What follows the image are the frontend's own arguments. */
function refuseOthers(value: string, { what, at }: { what: string; at?: SourcePosition }): void {
  const [image = ''] = value.trim().split(/\s+/)
  if (OWN.has(nameOf(image))) return
  throw new XbuildError('UNSUPPORTED', `Cannot use ${what} "${shorten(image)}": xbuild reads the language of docker/dockerfile only`, {
    hint: at ? 'Remove the line if the file is an ordinary Dockerfile; otherwise build it with docker buildx' : 'Leave the build argument out, or build with docker buildx',
    ...(at ? { at } : {}),
  })
}

function nameOf(image: string): string {
  try {
    const { host, repository } = parseReference(image)
    return familiarReference({ host, repository })
  } catch {
    return image
  }
}
