import { join } from 'node:path'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { attestArgs, outputType, quoted } from './attests.ts'
import { readFields } from './csv.ts'
import { defaultContext, fillTemplate } from './git-context.ts'
import { boolInput, listInput, textInput } from './inputs.ts'
import { ownArgs } from './own-inputs.ts'
import { once, repeated, whenTrue, type PlanInput, type RunPlan } from './run-plan.ts'
import { readSecrets } from './secrets.ts'

/** Lists whose items hold commas. */
const LINES = { ignoreComma: true } as const

/**
 * What the inputs of docker/build-push-action say, as arguments of `xbuild build`. Throws BAD_OPTION with the name of
 * the input.
 */
export function planBuild(input: PlanInput): RunPlan {
  const { env, event, temp, flags } = input
  const own = defaultContext(env, event)
  const context = fillTemplate(textInput(env, 'context'), own, 'context') || own
  if (context === undefined)
    throw new XbuildError('BAD_OPTION', 'Cannot choose a context: there is no input "context" and no repository', {
      hint: 'Write context: . in the step',
    })
  const outputs = listInput(env, 'outputs', { ...LINES, quote: false })
  const load = boolInput(env, 'load')
  const tags = listInput(env, 'tags')
  const secrets = readSecrets(input, { forGit: own !== undefined && context.startsWith(own) })
  const attest = attestArgs(
    {
      provenance: textInput(env, 'provenance'),
      sbom: textInput(env, 'sbom'),
      attests: listInput(env, 'attests', LINES),
      outputs,
      load,
    },
    env,
    event,
  )
  const call = textInput(env, 'call')
  const left = leftOut({ sbom: attest.sbom, cgroupParent: textInput(env, 'cgroup-parent'), flags })
  const metadataFile = join(temp, 'metadata.json')
  const types = outputs.map(outputType)
  const iidFile = types.includes('local') || types.includes('tar') ? undefined : join(temp, 'iid')
  const contexts = listInput(env, 'build-contexts', LINES).map((text) => fillTemplate(text, own, 'build-contexts'))
  return {
    mode: 'build',
    argv: [
      'build',
      ...repeated('--add-host', listInput(env, 'add-hosts')),
      ...repeated('--allow', listInput(env, 'allow')),
      ...repeated('--annotation', listInput(env, 'annotations', LINES)),
      ...repeated('--attest', [...attest.args, ...left.sbom]),
      ...repeated('--build-arg', listInput(env, 'build-args', LINES)),
      ...repeated('--build-context', contexts),
      ...repeated('--cache-from', listInput(env, 'cache-from', LINES)),
      ...repeated('--cache-to', listInput(env, 'cache-to', LINES)),
      ...once('--call', call),
      ...left.args,
      ...once('--file', textInput(env, 'file')),
      ...repeated('--label', listInput(env, 'labels', LINES)),
      ...whenTrue('--load', load),
      ...once('--network', textInput(env, 'network')),
      ...whenTrue('--no-cache', boolInput(env, 'no-cache')),
      ...repeated('--no-cache-filter', listInput(env, 'no-cache-filters')),
      ...repeated('--output', outputs),
      ...once('--platform', listInput(env, 'platforms').join(',')),
      ...whenTrue('--pull', boolInput(env, 'pull')),
      ...whenTrue('--push', boolInput(env, 'push')),
      ...secrets.args,
      ...once('--shm-size', textInput(env, 'shm-size')),
      ...repeated('--ssh', listInput(env, 'ssh')),
      ...repeated('--tag', tags),
      ...once('--target', textInput(env, 'target')),
      ...repeated('--ulimit', listInput(env, 'ulimit', LINES)),
      ...ownArgs({ env, flags }),
      ...once('--metadata-file', metadataFile),
      ...once('--iidfile', iidFile ?? ''),
      '--',
      context,
    ],
    files: secrets.files,
    masks: secrets.masks,
    warnings: [...secrets.warnings, ...left.warnings],
    ...(call === '' || call === 'build' ? {} : { call }),
    metadataFile,
    ...compact({ iidFile }),
    outputs,
    tags,
  }
}

/** What is asked of an SBOM, without the image that would make it. */
function withoutGenerator(text: string): string {
  const fields = readFields(text, 'sbom').filter((field) => !field.startsWith('generator='))
  return fields.length === 0 ? 'true' : fields.map(quoted).join(',')
}

/** Inputs that this version of xbuild does not honour: each is named, none ends a build that works without it. */
export function leftOut({
  sbom,
  cgroupParent,
  flags,
}: {
  readonly sbom: readonly string[]
  readonly cgroupParent: string
  readonly flags: ReadonlySet<string>
}): { readonly args: readonly string[]; readonly sbom: readonly string[]; readonly warnings: readonly string[] } {
  const warnings: string[] = []
  const keepSbom = flags.has('sbom')
  if (sbom.length > 0 && !keepSbom)
    warnings.push('Input "sbom" has no effect: xbuild does not make SBOMs yet; the image is built without one')
  const own = keepSbom ? sbom.map(withoutGenerator) : []
  if (own.some((text, index) => text !== sbom[index]))
    warnings.push('The generator of "sbom" has no effect: xbuild lists the packages itself and runs no scanner image')
  const keepParent = flags.has('cgroup-parent')
  if (cgroupParent !== '' && !keepParent)
    warnings.push('Input "cgroup-parent" has no effect: xbuild does not place steps under a control group of yours yet')
  return { args: keepParent ? once('--cgroup-parent', cgroupParent) : [], sbom: own, warnings }
}
