import { compact } from '../compact.ts'
import type { RunMount, SecretMount, SshMount } from '../dockerfile/run-mounts.ts'
import { XbuildError } from '../errors.ts'
import type { ClaimedCaches } from './claim-caches.ts'
import type { MountInput } from './mount-inputs.ts'
import type { WorkerMount } from './protocol.ts'
import type { RunScope } from './vertex.ts'

export interface MountSources {
  readonly input: MountInput | undefined
  readonly caches: ClaimedCaches
  /** Secrets and agents of the build. */
  readonly given: RunScope['inputs']
}

/** A mount of a RUN as the worker makes it; nothing when the step is not shown any. Throws NOT_FOUND. */
export async function workerMount(
  mount: RunMount,
  { input, caches, given }: MountSources,
): Promise<WorkerMount | undefined> {
  const { type } = mount
  switch (type) {
    case 'bind': {
      const tree = input ? await input.tree() : { lowers: [], source: mount.source }
      return { type, target: mount.target, writable: mount.writable, ...tree }
    }
    case 'cache':
      return { type, target: mount.target, id: caches.folderOf(mount), readonly: mount.readonly }
    case 'tmpfs':
      return { type, target: mount.target, ...compact({ size: mount.size }) }
    case 'secret':
      return secretMount(mount, await given.secret(mount.id))
    case 'ssh':
      return sshMount(mount, given.agent(mount.id))
  }
}

function secretMount(
  { id, target, env, owner, required }: SecretMount,
  content: Buffer | undefined,
): WorkerMount | undefined {
  if (content === undefined && required) {
    throw new XbuildError('NOT_FOUND', `Cannot mount the secret "${id}": the build was given none with that id`, {
      hint: `Give it with --secret id=${id},src=FILE`,
    })
  }
  // Its variable is there all the same, as with BuildKit
  if (content === undefined) return env === undefined ? undefined : { type: 'variable', name: env, value: '' }
  return { type: 'secret', content: content.toString('base64'), owner, ...compact({ target, env }) }
}

function sshMount({ id, target, owner, required }: SshMount, socket: string | undefined): WorkerMount {
  if (socket !== undefined) return { type: 'ssh', target, socket, owner }
  if (!required) return { type: 'variable', name: 'SSH_AUTH_SOCK', value: target }
  throw new XbuildError('NOT_FOUND', `Cannot mount the ssh agent "${id}": the build was given none with that id`, {
    hint: `Give it with --ssh ${id}`,
  })
}
