import type { Reference } from '../../oci/reference.ts'
import type { Credential, Credentials } from '../../registry/credentials.ts'

/** What Docker's API calls an AuthConfig. */
export interface RegistryAuth {
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
  readonly serveraddress: string
}

/** Docker's own name for its registry, in credentials. */
const HUB = 'https://index.docker.io/v1/'

/** What this user is to the registry of an image; undefined: nobody. */
export async function authOf(
  { host, repository }: Reference,
  credentials: Credentials,
): Promise<RegistryAuth | undefined> {
  return toAuth(await credentials.find(host, repository), addressOf(host))
}

/** What this user is to the registries of several images, by registry: the header of a build. */
export async function authsOf(
  references: readonly Reference[],
  credentials: Credentials,
): Promise<Readonly<Record<string, RegistryAuth>>> {
  const found = await Promise.all(
    references.map(async (reference) => [addressOf(reference.host), await authOf(reference, credentials)] as const),
  )
  return Object.fromEntries(found.flatMap(([address, auth]) => (auth ? [[address, auth]] : [])))
}

function addressOf(host: string): string {
  return host === 'docker.io' ? HUB : host
}

function toAuth(credential: Credential, serveraddress: string): RegistryAuth | undefined {
  switch (credential.kind) {
    case 'none':
      return undefined
    case 'password':
      return { username: credential.username, password: credential.password, serveraddress }
    case 'identity':
      return { identitytoken: credential.token, serveraddress }
    case 'registry':
      return { registrytoken: credential.token, serveraddress }
  }
}
