import type { Flag } from '../flag.ts'
import { FLAGS, type FlagOption } from '../flags.ts'
import type { ImageTarget } from './target.ts'

/** A key of an image in xbuild.yaml: where its texts go, and the flag that reads them. */
export interface ImageKey {
  readonly field: keyof ImageTarget
  /** `pairs`: names and values, those of the top level stay; `switch`: true or false; `provenance`: as --attest has it. */
  readonly shape: 'text' | 'switch' | 'texts' | 'pairs' | 'hosts' | 'provenance'
  /** The flag of the same meaning; its texts, rule and key at the top level. */
  readonly option?: FlagOption
  /** What the flag cannot say. */
  readonly help?: string
}

/** The keys of an image, in the order of docs and schema. `platforms` may have settings of its own for each. */
export const IMAGE_KEYS: Readonly<Record<string, ImageKey>> = {
  description: { field: 'description', shape: 'text', help: 'What the image is, for people' },
  context: {
    field: 'context',
    shape: 'text',
    help: 'The folder, or the URL, that is built; absent: the folder of the run',
  },
  dockerfile: {
    field: 'dockerfile',
    shape: 'text',
    option: 'file',
    help: 'The Dockerfile: a path in the context, cwd://PATH in the folder of the run, or a URL',
  },
  'dockerfile-inline': { field: 'dockerfileInline', shape: 'text', help: 'The Dockerfile itself' },
  target: { field: 'target', shape: 'text', option: 'target' },
  platforms: { field: 'platforms', shape: 'texts', option: 'platforms' },
  tags: { field: 'tags', shape: 'texts', option: 'tags' },
  args: { field: 'args', shape: 'pairs', option: 'buildArgs' },
  labels: { field: 'labels', shape: 'pairs', option: 'labels' },
  annotations: { field: 'annotations', shape: 'texts', option: 'annotations' },
  contexts: {
    field: 'contexts',
    shape: 'pairs',
    option: 'buildContexts',
    help:
      'What stands where the Dockerfile says NAME: target:IMAGE for another image of this file, docker-image://REF, ' +
      'oci-layout://FOLDER[:TAG], a folder or a URL',
  },
  outputs: { field: 'output', shape: 'texts', option: 'outputs' },
  'cache-from': { field: 'cacheFrom', shape: 'texts', option: 'cacheFrom' },
  'cache-to': { field: 'cacheTo', shape: 'texts', option: 'cacheTo' },
  'no-cache': { field: 'noCache', shape: 'switch', option: 'noCache' },
  'no-cache-filter': { field: 'noCacheFilter', shape: 'texts', option: 'noCacheFilter' },
  pull: { field: 'pull', shape: 'switch', option: 'pull' },
  provenance: { field: 'attest', shape: 'provenance', option: 'provenance' },
  sbom: { field: 'attest', shape: 'provenance', option: 'sbom' },
  attest: { field: 'attest', shape: 'texts', option: 'attest' },
  secrets: { field: 'secrets', shape: 'texts', option: 'secrets' },
  ssh: { field: 'ssh', shape: 'texts', option: 'ssh' },
  network: { field: 'network', shape: 'text', option: 'network' },
  'add-hosts': { field: 'extraHosts', shape: 'hosts', option: 'addHosts' },
  ulimits: { field: 'ulimits', shape: 'texts', option: 'ulimits' },
  resources: { field: 'resources', shape: 'texts', option: 'resources' },
  'shm-size': { field: 'shmSize', shape: 'text', option: 'shmSize' },
  allow: { field: 'entitlements', shape: 'texts', option: 'allow' },
  test: { field: 'test', shape: 'texts', option: 'test' },
  timeout: { field: 'timeout', shape: 'text', option: 'timeout' },
}

/** What other files and the top level call these keys. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  file: 'dockerfile',
  'build-args': 'args',
  'build-arg': 'args',
  'build-contexts': 'contexts',
  additional_contexts: 'contexts',
  dockerfile_inline: 'dockerfile-inline',
  cache_from: 'cache-from',
  cache_to: 'cache-to',
  extra_hosts: 'add-hosts',
  'extra-hosts': 'add-hosts',
  output: 'outputs',
  secret: 'secrets',
  entitlements: 'allow',
  platform: 'platforms',
  tag: 'tags',
  image: 'tags',
  shm_size: 'shm-size',
  no_cache: 'no-cache',
}

/** The flag that reads the texts of a key. */
export function flagOf({ option }: ImageKey): Flag<unknown> | undefined {
  return option && (FLAGS[option] as Flag<unknown>)
}
