import { join, resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { StageGraph } from '../dockerfile/types.ts'
import type { Job } from '../plan/types.ts'
import { sameTarget, targetOfJob } from '../plan/target-id.ts'
import type { Platform } from '../platform.ts'
import { createCredentials } from '../registry/credentials.ts'
import type { Store } from '../store/store.ts'
import type { BuildInputs } from '../content/build-inputs.ts'
import { readIgnore } from '../content/context.ts'
import type { CutLine } from '../content/lines.ts'
import type { MainContext } from '../content/main-context.ts'
import type { RemoteBuild, RemoteContext } from './remote-build.ts'
import type { TargetBuild } from './target.ts'

export interface RemoteBuildsOptions {
  readonly targets: readonly TargetBuild[]
  /** Secrets and agents of an image. */
  readonly inputsOf: (image: string | undefined) => BuildInputs
  readonly store: Store
  readonly env: Readonly<Record<string, string | undefined>>
  readonly warn: (message: string) => void
  /** Told of what must not be said from then on. */
  readonly hide: (secret: string) => void
  /** Where a long line of a log may be cut in two: in no secret. */
  readonly cut: CutLine
  /** The stages of a target where `$BUILDPLATFORM` is another one. */
  readonly graphFor: (target: TargetBuild, buildPlatform: Platform) => StageGraph
}

/** Makes what drivers of other engines are given; the same for jobs of the same target. */
export function createRemoteBuilds({
  targets,
  inputsOf,
  store,
  env,
  warn,
  hide,
  cut,
  graphFor,
}: RemoteBuildsOptions): (job: Job) => Promise<RemoteBuild> {
  const credentials = createCredentials({ env, say: warn, hide })
  const builds = new Map<TargetBuild, Promise<RemoteBuild>>()

  return (job) => {
    const wanted = targetOfJob(job)
    const target = targets.find((one) => sameTarget(one, wanted))!
    const build = builds.get(target) ?? make(target)
    builds.set(target, build)
    return build
  }

  async function make(target: TargetBuild): Promise<RemoteBuild> {
    const { options, file, main, dockerfile } = target
    const inputs = inputsOf(target.image)
    const { frontend } = dockerfile
    const context = await contextOf({ options, file }, main)
    return {
      options,
      context,
      secret: inputs.secret,
      agent: inputs.agent,
      credentials,
      warn,
      cut,
      store,
      dockerfile: { text: file.text, shown: file.shown, ...compact({ frontend }) },
      graphFor: (buildPlatform) => ({ dockerfile, graph: graphFor(target, buildPlatform) }),
    }
  }
}

async function contextOf(
  { options, file }: Pick<TargetBuild, 'options' | 'file'>,
  { source }: MainContext,
): Promise<RemoteContext> {
  if (!source) {
    const path = resolve(options.cwd, options.context)
    return {
      kind: 'folder',
      path,
      ignore: await readIgnore([
        ...(file.path === undefined ? [] : [`${file.path}.dockerignore`]),
        join(path, '.dockerignore'),
      ]),
    }
  }
  if (source.kind === 'scratch') return { kind: 'nothing' }
  return source.kind === 'stdin' ? { kind: 'archive', file: source.file } : { kind: 'url', url: options.context }
}
