import { isAbsolute, join, resolve } from 'node:path'
import { XbuildError } from '../errors.ts'
import { defaultProvenance, provenanceOf, wantsDefault } from './attests.ts'
import { leftOut } from './build-plan.ts'
import { defaultContext, fillTemplate } from './git-context.ts'
import { boolInput, listInput, textInput, type Env } from './inputs.ts'
import { ownArgs } from './own-inputs.ts'
import { once, repeated, whenTrue, type PlanInput, type RunPlan } from './run-plan.ts'
import { readSecrets } from './secrets.ts'

/** Inputs of docker/bake-action that docker/build-push-action does not have: one of them means a bake. */
export const BAKE_INPUTS = ['files', 'targets', 'set', 'vars', 'source', 'workdir'] as const

/** Inputs of an image: bake files and `set` say that instead. */
const IMAGE_INPUTS = [
  'add-hosts',
  'annotations',
  'attests',
  'build-args',
  'build-contexts',
  'cache-from',
  'cache-to',
  'cgroup-parent',
  'context',
  'file',
  'labels',
  'network',
  'no-cache-filters',
  'outputs',
  'platforms',
  'secrets',
  'secret-envs',
  'secret-files',
  'shm-size',
  'ssh',
  'tags',
  'target',
  'ulimit',
] as const

const RAW = { ignoreComma: true, quote: false } as const

/**
 * What buildx lets bake files do without asking, and what docker/bake-action grants besides: the workflow runs the
 * files of its own repository.
 */
const GRANTS = ['fs=*', 'cache', 'image.push', 'image.load', 'limits', 'secret'] as const

/** Whether the inputs ask for bake files. */
export function wantsBake(env: Env): boolean {
  return BAKE_INPUTS.some((name) => textInput(env, name) !== '')
}

/** What the inputs of docker/bake-action say, as arguments of `xbuild bake`. Throws BAD_OPTION. */
export function planBake(input: PlanInput): RunPlan {
  const { env, event, temp, flags } = input
  const misplaced = IMAGE_INPUTS.find((name) => textInput(env, name) !== '')
  const asked = BAKE_INPUTS.find((name) => textInput(env, name) !== '')
  if (misplaced)
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot use input "${misplaced}": with "${asked}" bake files say what is built`,
      {
        hint: 'Write it in the bake file, or as set: TARGET.KEY=VALUE',
      },
    )
  const source = sourceOf(input)
  const provenance = textInput(env, 'provenance')
  const load = boolInput(env, 'load')
  const set = listInput(env, 'set', RAW)
  const metadataFile = join(temp, 'metadata.json')
  const { masks } = readSecrets(input, { forGit: false })
  const gitToken = env['BUILDX_BAKE_GIT_AUTH_TOKEN'] ?? ''
  const sbom = textInput(env, 'sbom')
  const left = leftOut({ sbom: /^(|0|f|false)$/i.test(sbom) ? [] : [sbom], cgroupParent: '', flags })
  const call = textInput(env, 'call')
  return {
    mode: 'bake',
    argv: [
      'bake',
      ...repeated('--allow', [...new Set([...listInput(env, 'allow'), ...GRANTS])]),
      ...once('--call', call),
      ...repeated(
        '--file',
        listInput(env, 'files').map((path) => localFile(path, env)),
      ),
      ...repeated('--set', set),
      ...repeated('--var', listInput(env, 'vars', RAW)),
      ...once('--provenance', provenance === '' ? '' : provenanceOf(provenance, env)),
      ...(left.sbom.length > 0 ? ['--sbom', ...left.sbom] : []),
      ...whenTrue('--load', load),
      ...whenTrue('--no-cache', boolInput(env, 'no-cache')),
      ...whenTrue('--pull', boolInput(env, 'pull')),
      ...whenTrue('--push', boolInput(env, 'push')),
      ...ownArgs({ env, flags }),
      ...once('--metadata-file', metadataFile),
      '--',
      ...listInput(env, 'targets'),
    ],
    ...source,
    files: [],
    masks: gitToken === '' ? masks : [...masks, gitToken],
    warnings: left.warnings,
    ...(call === '' || call === 'build' ? {} : { call }),
    metadataFile,
    outputs: [],
    tags: [],
    ...(provenance === '' && wantsDefault({ outputs: [], load }, env)
      ? { defaultProvenance: defaultProvenance(env, event) }
      : {}),
  }
}

/** Where the bake files are: a folder, or a repository that is cloned; without a word the checkout, if there is one. */
function sourceOf({ env, event, temp, exists }: PlanInput): Pick<RunPlan, 'cwd' | 'clone'> {
  const own = defaultContext(env, event)
  const given = fillTemplate(textInput(env, 'source'), own, 'source')
  const workspace = env['GITHUB_WORKSPACE'] || '.'
  const workdir = textInput(env, 'workdir')
  if (given === '' && (workdir !== '' || exists(join(workspace, '.git')) || own === undefined))
    return { cwd: resolve(workspace, workdir) }
  const source = given || own!
  if (!/^(https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)/.test(source)) return { cwd: resolve(workspace, source) }
  const isOwn = own !== undefined && source.startsWith(own)
  return {
    cwd: join(temp, 'source'),
    clone: { url: source, token: env['BUILDX_BAKE_GIT_AUTH_TOKEN'] ?? (isOwn ? textInput(env, 'github-token') : '') },
  }
}

/** `cwd://FILE` is one of the workspace, even when the bake files come from elsewhere. */
function localFile(path: string, env: Env): string {
  if (!path.startsWith('cwd://')) return path
  const file = path.slice('cwd://'.length)
  return isAbsolute(file) ? file : resolve(env['GITHUB_WORKSPACE'] || '.', file)
}
