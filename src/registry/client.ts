import type { RegistryClient, RegistryClientOptions } from './types.ts'

/**
 * The client for all registries of a build. Its code is loaded by the first call: a build that finds all in the store
 * never does.
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  let connecting: Promise<RegistryClient> | undefined
  const connected = () => (connecting ??= import('./connect.ts').then(({ connect }) => connect(options)))
  return {
    manifest: async (...args) => (await connected()).manifest(...args),
    blob: async (...args) => (await connected()).blob(...args),
    hasBlob: async (...args) => (await connected()).hasBlob(...args),
    pushBlob: async (...args) => (await connected()).pushBlob(...args),
    pushManifest: async (...args) => (await connected()).pushManifest(...args),
    referrers: async (...args) => (await connected()).referrers(...args),
    checkPush: async (...args) => (await connected()).checkPush(...args),
    close: async () => (await connecting)?.close(),
  }
}
