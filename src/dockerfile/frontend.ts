import { XbuildError } from '../errors.ts'
import { familiarReference, parseReference } from '../oci/reference.ts'
import { shorten } from './flags.ts'
import type { Dockerfile, ForeignFrontend } from './types.ts'

/** The images of the frontend whose language this is; tag and digest do not matter. */
const OWN: ReadonlySet<string> = new Set(['docker/dockerfile', 'docker/dockerfile-upstream'])

/** The frontend that a file is written for, unless that is Docker's own; BUILDKIT_SYNTAX wins over the file. */
export function foreignFrontend(
  { file, directives }: Pick<Dockerfile, 'file' | 'directives'>,
  buildArgs: Readonly<Record<string, string>>,
): ForeignFrontend | undefined {
  const given = Object.hasOwn(buildArgs, 'BUILDKIT_SYNTAX') ? buildArgs['BUILDKIT_SYNTAX']! : ''
  const cmdline = (given === '' ? (directives.syntax ?? '') : given).trim()
  const [image = ''] = cmdline.split(/\s+/)
  if (image === '' || OWN.has(nameOf(image))) return undefined
  return { image, cmdline, ...(given === '' ? { at: directives.at?.syntax ?? { file, line: 1 } } : {}) }
}

/** Refuses a file that is written for another frontend than Docker's own. Throws UNSUPPORTED. */
export function checkFrontend(
  dockerfile: Pick<Dockerfile, 'file' | 'directives'>,
  buildArgs: Readonly<Record<string, string>>,
): void {
  const foreign = foreignFrontend(dockerfile, buildArgs)
  if (!foreign) return
  const { image, at } = foreign
  const what = at ? 'syntax' : 'BUILDKIT_SYNTAX'
  throw new XbuildError(
    'UNSUPPORTED',
    `Cannot use ${what} "${shorten(image)}": xbuild itself supports only the syntax of docker/dockerfile`,
    {
      hint: `${at ? 'Remove the line if the file is an ordinary Dockerfile' : 'Leave the build argument out'}; otherwise build only on BuildKit nodes, with --builder`,
      at,
    },
  )
}

/**
 * A file in a language that only its frontend knows: one stage, of which nothing but the name is known, that runs
 * something.
 */
export function opaqueDockerfile(
  { file, directives }: Pick<Dockerfile, 'file' | 'directives'>,
  { frontend, target }: { readonly frontend: ForeignFrontend; readonly target: string | undefined },
): Dockerfile {
  const at = frontend.at ?? { file, line: 1 }
  const text = `syntax ${frontend.image}`
  const from = { kind: 'from', at, text, image: 'scratch' } as const
  const run = { kind: 'run', at, text, command: { form: 'exec', argv: [] }, mounts: [], devices: [] } as const
  return {
    file,
    directives,
    metaArgs: [],
    stages: [
      {
        index: 0,
        ...(target ? { name: target.toLowerCase() } : {}),
        from,
        instructions: [run],
        frontend: frontend.image,
      },
    ],
    frontend,
  }
}

function nameOf(image: string): string {
  try {
    const { host, repository } = parseReference(image)
    return familiarReference({ host, repository })
  } catch {
    return image
  }
}
