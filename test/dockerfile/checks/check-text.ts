import { checkDockerfile } from '../../../src/dockerfile/checks/check.ts'
import { viewOf, type BaseFacts } from '../../../src/dockerfile/checks/view.ts'
import { buildStageGraph } from '../../../src/dockerfile/graph.ts'
import { parseIgnore } from '../../../src/dockerfile/ignore.ts'
import { parseDockerfile } from '../../../src/dockerfile/parse.ts'
import type { Diagnostic } from '../../../src/errors.ts'
import { parsePlatform } from '../../../src/platform.ts'

export interface CheckOptions {
  readonly platforms?: readonly string[]
  readonly target?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  readonly ignore?: string
  /** The same for every base image; absent: nothing is known of any. */
  readonly base?: BaseFacts
}

/** What the checks find in a Dockerfile that is built on linux/amd64. */
export function checkText(text: string, options: CheckOptions = {}): Diagnostic[] {
  const { platforms = ['linux/amd64', 'linux/arm64'], target, buildArgs = {} } = options
  const { dockerfile, diagnostics } = parseDockerfile(text, { file: 'Dockerfile' })
  const built = platforms.map((platform) =>
    buildStageGraph(dockerfile, {
      target: parsePlatform(platform),
      buildPlatform: parsePlatform('linux/amd64'),
      buildArgs,
      namedContexts: [],
      ...(target === undefined ? { everyStage: true } : { targetStage: target }),
    }),
  )
  const errors = [...diagnostics, ...built.flatMap((one) => one.diagnostics)].filter(
    ({ severity }) => severity === 'error',
  )
  if (errors.length > 0) throw new Error(`not a valid Dockerfile: ${errors.map(({ message }) => message).join('; ')}`)
  const views = built.map(({ graph }) => viewOf(graph, () => options.base))
  const ignore = options.ignore === undefined ? {} : { ignore: parseIgnore(options.ignore, { file: '.dockerignore' }) }
  return checkDockerfile({ dockerfile, views, ...ignore }, { buildArgs })
}

/** `RULE:LINE` of each finding, in the order of the file. */
export function findings(text: string, options?: CheckOptions): string[] {
  return checkText(text, options).map(({ rule, at }) => `${rule}:${at.line}`)
}
