/** A key of a registry, a node or a platform in xbuild.yaml. */
export interface FileKey {
  readonly help: string
  readonly kind: 'text' | 'texts' | 'switch' | 'whole' | 'duration' | 'args' | 'base'
}

/** What may be different for one platform. */
export const PLATFORM_KEYS = {
  dockerfile: { kind: 'text', help: 'The Dockerfile of this platform: a path or a URL' },
  target: { kind: 'text', help: 'The stage to build for this platform' },
  args: { kind: 'args', help: 'Values of ARG for this platform, beside those of the build' },
  base: {
    kind: 'base',
    help: 'Images in the place of those that FROM and --from name: a reference, or oci-layout://FOLDER',
  },
  timeout: { kind: 'duration', help: 'How long this platform may take, like 30m' },
  optional: { kind: 'switch', help: 'The build goes on without this platform when it fails' },
} as const
PLATFORM_KEYS satisfies Readonly<Record<string, FileKey>>

/** What is said of a machine to build on. */
export const NODE_KEYS: Readonly<Record<string, FileKey>> = {
  endpoint: { kind: 'text', help: 'unix://, tcp://, ssh://, docker-container://, kube-pod://' },
  platforms: { kind: 'texts', help: 'Build only these there' },
  slots: { kind: 'whole', help: 'Jobs at a time' },
  packs: { kind: 'switch', help: "Give its emulated steps this machine's packs of native toolchains" },
}

/** How a registry is reached. */
export const REGISTRY_KEYS: Readonly<Record<string, FileKey>> = {
  mirrors: { kind: 'texts', help: 'Tried in order before the registry itself, for pulls' },
  http: { kind: 'switch', help: 'Without TLS' },
  insecure: { kind: 'switch', help: 'Accept any certificate' },
  ca: { kind: 'text', help: 'PEM file of an extra certificate authority' },
}
