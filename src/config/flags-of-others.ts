/**
 * What the build flags of another tool are here, by long name: SAME when xbuild has the flag with the same meaning,
 * else what to do, as text in Markdown that starts with a capital letter.
 */
export type FlagsOfOthers = Readonly<Record<string, string>>

export const SAME = 'the same'

const OWN_NAMESPACES = 'Leave it out: each step has namespaces of its own'
const NAMED_IN_FROM = 'Name the image with `--build-context NAME=docker-image://REF`, NAME as in FROM'
const LOGIN = 'Log in with `docker login`, `podman login` or `skopeo login`; `REGISTRY_AUTH_FILE` is read'
const REGISTRIES = 'Set `ca`, `insecure` or `http` of the registry in the user configuration'
const RIGHTS = 'Leave it out; `RUN --security=insecure` runs on BuildKit nodes, with `--allow security.insecure`'
const ALWAYS = 'Leave it out: xbuild does this always'
const NOTHING_LEFT = 'Leave it out: a build leaves no containers behind'
const NO_DNS = 'Leave it out: steps use the name servers of the machine; `--add-host` adds names'
const SBOM = 'Use `--sbom true`, and `xbuild image inspect` for what it says'
const OS_FIELDS = 'Leave it out: the fields come from the base image'

/** Flags of `docker buildx build` 0.29 and of `docker build`, which are not both. */
export const BUILDX_FLAGS: FlagsOfOthers = {
  ...same(
    'add-host allow annotation attest build-arg build-context builder cache-from cache-to call check debug file iidfile',
    'label load metadata-file network no-cache no-cache-filter output platform progress provenance pull push quiet sbom',
    'secret shm-size ssh tag target ulimit memory memory-swap cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems',
  ),
  'cgroup-parent': 'Leave it out; `--resource` limits each step',
  compress: 'Accepted: it changes nothing',
  'disable-content-trust': 'Leave it out; `--sign` signs, `xbuild image verify --key` checks',
  'force-rm': 'Accepted: a build leaves no containers behind',
  isolation: 'Only `default`: the others are for containers of Windows',
  policy: 'Not supported: sources have no policies',
  rm: 'Accepted: a build leaves no containers behind',
  'security-opt': 'Not supported: the seccomp profile of steps cannot be switched off',
  squash: 'Not supported: end with a stage `FROM scratch` that has `COPY --from=STAGE / /`',
}

/** Flags of `docker buildx imagetools`, `skopeo` and `crane` that `xbuild image` does not have. */
export const IMAGE_FLAGS_OF_OTHERS: FlagsOfOthers = {
  'all-tags': 'Not supported: copy each tag that `xbuild image ls` shows',
  all: 'Leave it out: an image is taken with all its platforms',
  authfile: LOGIN,
  builder: 'Leave it out: no builder takes part',
  creds: LOGIN,
  'dest-authfile': LOGIN,
  'dest-creds': LOGIN,
  'dest-oci-accept-uncompressed-layers': 'Leave it out: content is never changed',
  'dest-tls-verify': REGISTRIES,
  digestfile: 'Leave it out: stdout is the digest',
  'image-parallel-copies': ALWAYS,
  insecure: REGISTRIES,
  'insecure-policy': 'Leave it out: there are no policies',
  'multi-arch': 'Leave it out: an image is taken with all its platforms; `xbuild image create --platform` takes some',
  'override-arch': 'Use `--platform`, as in `--platform linux/arm64`',
  'override-os': 'Use `--platform`, as in `--platform linux/arm64`',
  'override-variant': 'Use `--platform`, as in `--platform linux/arm/v7`',
  'preserve-digests': 'Leave it out: digests never change',
  progress: 'Leave it out: there is none to choose',
  quiet: 'Leave it out: stdout has the result and nothing else',
  'remove-signatures': 'Use `--referrers=false`',
  'retry-times': ALWAYS,
  'sign-by': 'Not supported: `xbuild image sign --key` signs what is in a registry',
  'src-authfile': LOGIN,
  'src-creds': LOGIN,
  'src-tls-verify': REGISTRIES,
  'tls-verify': REGISTRIES,
}

/** Flags of `buildah build` 1.28 to 1.41 and of `podman build`. */
export const BUILDAH_FLAGS: FlagsOfOthers = {
  ...same(
    'add-host annotation build-arg build-context cache-from cache-to file iidfile jobs label no-cache platform quiet',
    'secret shm-size ssh tag target ulimit memory memory-swap cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems',
  ),
  'all-platforms': 'Use `--platform all`',
  arch: 'Use `--platform OS/ARCH`',
  authfile: LOGIN,
  'cache-ttl': 'Remove old items with `xbuild prune --filter until=24h`, or set `--store-limit`',
  'cap-add': RIGHTS,
  'cap-drop': 'Leave it out: steps have the capabilities of Docker containers',
  'cert-dir': REGISTRIES,
  'cgroup-parent': 'Leave it out; `--resource` limits each step',
  cgroupns: OWN_NAMESPACES,
  compress: 'Accepted: it changes nothing',
  'cpp-flag': 'Run the preprocessor before the build: `cpp -P Dockerfile.in | xbuild -f - .`',
  creds: LOGIN,
  'decryption-key': 'Not supported: encrypted images cannot be read',
  device: 'Use `RUN --device` on a BuildKit node, with `--allow device=NAME`',
  'disable-compression': 'Use `--output type=...,compression=uncompressed`',
  'disable-content-trust': 'Leave it out: it changes nothing there, too',
  dns: NO_DNS,
  'dns-option': NO_DNS,
  'dns-search': NO_DNS,
  env: 'Write `ENV` in the Dockerfile',
  farm: 'Use `--builder NODE,NODE`',
  'force-rm': 'Accepted: a build leaves no containers behind',
  format: 'Use `--output ...,oci-mediatypes=false` for the media types of Docker',
  from: NAMED_IN_FROM,
  'group-add': RIGHTS,
  'hooks-dir': 'Not supported: a build runs no programs of the machine',
  'http-proxy': 'Set `proxies` in `config.json` of Docker, or give `--build-arg HTTP_PROXY=...`',
  'identity-label': 'Leave it out: xbuild adds no label',
  ignorefile: 'Name the file `.dockerignore`, or `NAME.dockerignore` beside the Dockerfile NAME',
  'inherit-annotations': 'Leave it out; `--annotation` sets annotations',
  'inherit-labels': 'Leave it out; `--label` sets labels',
  ipc: OWN_NAMESPACES,
  isolation: 'Only `default`; `--oci-runtime` chooses the runtime; rootless needs no flag',
  layers: 'Leave it out: layers are always cached; `--no-cache` turns it off',
  logfile: 'Use `--progress plain 2> FILE`, or read `xbuild history logs` after the build',
  logsplit: 'Read `xbuild history logs --platform OS/ARCH` after the build',
  manifest: 'Use `--tag NAME --push`; `--append` adds platforms to an image that is there',
  network: 'Use `default`, `private`, `host` or `none`; another namespace cannot be joined',
  'no-hostname': 'Leave it out: the hostname of steps is not part of the image',
  'no-hosts': 'Leave it out: `/etc/hosts` of steps is not part of the image',
  'omit-history': 'Not supported: the history is part of an image',
  os: 'Use `--platform OS/ARCH`',
  'os-feature': OS_FIELDS,
  'os-version': OS_FIELDS,
  output: SAME,
  pid: OWN_NAMESPACES,
  pull: 'Use `--pull` for always; a changed base image is noticed without it',
  retry: ALWAYS,
  'retry-delay': ALWAYS,
  'rewrite-timestamp': 'Use `--output ...,rewrite-timestamp=true` with `SOURCE_DATE_EPOCH`',
  rm: 'Accepted: a build leaves no containers behind',
  runtime: 'Use `--oci-runtime PROGRAM`',
  'runtime-flag': 'Not supported: use a script as `--oci-runtime`',
  sbom: 'Use `--sbom true`: xbuild lists the packages itself',
  'sbom-image-output': SBOM,
  'sbom-image-purl-output': SBOM,
  'sbom-merge-strategy': SBOM,
  'sbom-output': SBOM,
  'sbom-purl-output': SBOM,
  'sbom-scanner-command': SBOM,
  'sbom-scanner-image': SBOM,
  'security-opt': 'Not supported: the seccomp profile of steps cannot be switched off',
  'sign-by': 'Use `--sign key=FILE`',
  'skip-unused-stages': ALWAYS,
  'source-date-epoch': 'Set the environment variable `SOURCE_DATE_EPOCH`',
  squash: 'Not supported: end with a stage `FROM scratch` that has `COPY --from=STAGE / /`',
  'squash-all': 'Not supported: end with a stage `FROM scratch` that has `COPY --from=STAGE / /`',
  stdin: 'Use a heredoc, or `RUN --mount=type=bind`',
  timestamp: 'Set the environment variable `SOURCE_DATE_EPOCH`',
  'tls-verify': REGISTRIES,
  unsetenv: 'Write `ENV NAME=` in the Dockerfile: it empties the variable',
  unsetlabel: 'Write `LABEL NAME=` in the Dockerfile, or give `--label NAME=`',
  userns: OWN_NAMESPACES,
  'userns-gid-map': OWN_NAMESPACES,
  'userns-gid-map-group': OWN_NAMESPACES,
  'userns-uid-map': OWN_NAMESPACES,
  'userns-uid-map-user': OWN_NAMESPACES,
  uts: OWN_NAMESPACES,
  variant: 'Use `--platform OS/ARCH/VARIANT`',
  volume: 'Use `RUN --mount=type=bind` with `--build-context NAME=FOLDER`, or `--mount=type=cache`',
}

/** Flags of the kaniko executor 1.23. */
export const KANIKO_FLAGS: FlagsOfOthers = {
  ...same('annotation build-arg label target'),
  cache: 'Leave it out: steps are always cached; `--cache-from` and `--cache-to` share them',
  'cache-copy-layers': ALWAYS,
  'cache-dir': 'Use `--store FOLDER`',
  'cache-repo': 'Use `--cache-from type=registry,ref=REPO --cache-to type=registry,ref=REPO,mode=max`',
  'cache-run-layers': ALWAYS,
  'cache-ttl': 'Remove old items with `xbuild prune --filter until=24h`, or set `--store-limit`',
  cleanup: NOTHING_LEFT,
  'compressed-caching': 'Leave it out: layers are streamed',
  compression: 'Use `--output ...,compression=gzip|zstd`',
  'compression-level': 'Use `--output ...,compression-level=N`',
  context: 'Give the folder or URL as PATH, without `dir://`; `-` reads an archive from standard input',
  'context-sub-path': 'Write `URL#REF:FOLDER`',
  'custom-platform': 'Use `--platform`, once for all platforms',
  customPlatform: 'Use `--platform`, once for all platforms',
  destination: 'Use `--tag NAME --push`',
  'digest-file': 'Use `--iidfile FILE`, or read standard output, which holds the digest',
  dockerfile: 'Use `--file FILE`',
  force: 'Leave it out: xbuild runs in and outside of containers',
  git: 'Write `URL#REF:FOLDER`; submodules are fetched',
  'ignore-path': 'Leave it out: no path of the machine gets into an image',
  'ignore-var-run': 'Leave it out: no path of the machine gets into an image',
  'image-download-retry': ALWAYS,
  'image-fs-extract-retry': ALWAYS,
  'image-name-tag-with-digest-file': 'Use `--metadata-file FILE`, which has names and digests',
  'image-name-with-digest-file': 'Use `--metadata-file FILE`, which has names and digests',
  insecure: REGISTRIES,
  'insecure-pull': REGISTRIES,
  'insecure-registry': REGISTRIES,
  'kaniko-dir': 'Use `--store FOLDER`',
  'log-format': 'Use `--progress plain` or `--progress rawjson`',
  'log-timestamp': 'Use `--progress rawjson`, whose events have times',
  'no-push': 'Leave it out: without `--push` nothing is pushed',
  'no-push-cache': 'Leave it out: without `--cache-to` no cache is pushed',
  'oci-layout-path': 'Use `--output type=oci,tar=false,dest=FOLDER`',
  'push-ignore-immutable-tag-errors': 'Leave it out: pushing what the tag already names is no error',
  'push-retry': ALWAYS,
  'registry-certificate': REGISTRIES,
  'registry-client-cert': 'Not supported: log in with a name and a password or token',
  'registry-map': 'Set `mirrors` of the registry in the user configuration',
  'registry-mirror': 'Set `mirrors` of the registry in the user configuration',
  reproducible: 'Set the environment variable `SOURCE_DATE_EPOCH`; `--check-reproducible` compares two builds',
  'single-snapshot': 'Leave it out: each step is a layer',
  'skip-default-registry-fallback': 'Leave it out: when a mirror fails, xbuild warns and asks the registry',
  'skip-push-permission-check': 'Leave it out: each tag is read before it moves',
  'skip-tls-verify': REGISTRIES,
  'skip-tls-verify-pull': REGISTRIES,
  'skip-tls-verify-registry': REGISTRIES,
  'skip-unused-stages': ALWAYS,
  'snapshot-mode': 'Leave it out: changes are read from the layer, not searched for',
  snapshotMode: 'Leave it out: changes are read from the layer, not searched for',
  'tar-path': 'Use `--output type=docker,dest=FILE` or `type=oci,dest=FILE`',
  'use-new-run': 'Leave it out: changes are read from the layer, not searched for',
  verbosity: 'Use `--progress plain`, `--quiet` or `--debug`',
}

/** What to do in the place of a flag of another tool, without Markdown; `undefined` when no tool has the flag. */
export function insteadOf(name: string, command: 'build' | 'image' = 'build'): string | undefined {
  for (const flags of command === 'image' ? [IMAGE_FLAGS_OF_OTHERS] : [BUILDX_FLAGS, BUILDAH_FLAGS, KANIKO_FLAGS])
    if (Object.hasOwn(flags, name) && flags[name] !== SAME) return flags[name]!.replaceAll('`', '')
  return undefined
}

function same(...lines: readonly string[]): FlagsOfOthers {
  return Object.fromEntries(lines.flatMap((line) => line.split(' ')).map((name) => [name, SAME]))
}
