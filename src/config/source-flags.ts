import * as read from './flag-values.ts'
import type { FlagsOf } from './flag.ts'
import { userOnly } from './project.ts'
import * as rule from './project-rules.ts'

/** Flags for what is built, for which platforms, and where. */
export const SOURCE_FLAGS: FlagsOf<'platforms' | 'tags' | 'file' | 'target' | 'buildArgs' | 'builders'> = {
  platforms: {
    name: 'platform',
    project: 'free',
    placeholder: 'OS/ARCH[/VARIANT]',
    repeat: true,
    group: 'common',
    env: 'DOCKER_DEFAULT_PLATFORM',
    key: 'platforms',
    help: 'Platforms to build for, separated by commas; "local" is this machine, "all" what all base images have',
    default: 'this machine',
    absent: [],
    parse: read.platforms,
  },
  tags: {
    name: 'tag',
    project: 'free',
    short: 't',
    placeholder: 'NAME[:TAG]',
    repeat: true,
    group: 'common',
    key: 'tags',
    help: 'Name of the image',
    absent: [],
    parse: read.tags,
  },
  file: {
    name: 'file',
    project: rule.readsDockerfile,
    short: 'f',
    placeholder: 'FILE',
    group: 'common',
    key: 'file',
    help: 'The Dockerfile: a path, a URL, or - for standard input',
    default: 'PATH/Dockerfile',
    absent: undefined,
    parse: read.dockerfile,
  },
  target: {
    name: 'target',
    project: 'free',
    placeholder: 'STAGE',
    group: 'common',
    key: 'target',
    help: 'The stage to build',
    default: 'the last',
    absent: undefined,
    parse: read.text,
  },
  buildArgs: {
    name: 'build-arg',
    project: rule.takesArgument,
    placeholder: 'NAME[=VALUE]',
    repeat: true,
    merge: true,
    group: 'common',
    key: 'build-args',
    help: 'Value of an ARG; NAME alone takes it from the environment',
    absent: {},
    parse: read.buildArgs,
  },
  builders: {
    name: 'builder',
    aliases: ['node'],
    project: userOnly('it sends the context to another machine'),
    placeholder: 'NODE|ENDPOINT',
    repeat: true,
    group: 'common',
    env: 'BUILDX_BUILDER',
    help:
      'Build on these nodes only, separated by commas: local, a name of xbuild node or xbuild.yaml, a buildx builder, a Docker context, or unix://, ' +
      'tcp://, ssh://, docker-container://, kube-pod://',
    default: 'local and all nodes in use',
    absent: undefined,
    parse: read.builders,
  },
}
