import * as read from './flag-values.ts'
import type { FlagsOf } from './flag.ts'
import * as rule from './project-rules.ts'

/** Flags for where the result goes, and how tags move. */
export const OUTPUT_FLAGS: FlagsOf<'outputs' | 'load' | 'push' | 'append' | 'force' | 'allowPlatformDrop'> = {
  outputs: {
    name: 'output',
    project: rule.writesOutput,
    short: 'o',
    placeholder: 'DEST|type=TYPE[,KEY=VALUE]',
    repeat: true,
    group: 'common',
    key: 'outputs',
    help:
      'Where the result goes: a folder, "-" (tar on stdout), type=oci,dest=FOLDER or FILE.tar, type=registry, type=local,dest=FOLDER, ' +
      'type=tar,dest=FILE, type=docker,dest=FILE (for docker load), type=docker (into the Docker Engine), type=image,push=true, type=cacheonly',
    default: 'it stays in the store',
    absent: [],
    parse: read.outputs,
  },
  load: {
    name: 'load',
    project: rule.loads,
    group: 'common',
    help: 'Load the image into the Docker Engine: all platforms when its image store holds several, else the one of its machine',
    absent: undefined,
    parse: read.bool,
  },
  push: {
    name: 'push',
    project: rule.pushes,
    group: 'common',
    help: 'Push the image to every --tag',
    absent: false,
    parse: read.bool,
  },
  append: {
    name: 'append',
    project: rule.pushes,
    group: 'advanced',
    help: 'With --push: add the platforms to the image that each --tag names, or replace them there; for jobs that build one platform each',
    absent: undefined,
    parse: read.bool,
  },
  force: {
    name: 'force',
    project: rule.pushes,
    group: 'advanced',
    help: 'With --push: move tags also when somebody else has changed them since the build began',
    absent: undefined,
    parse: read.bool,
  },
  allowPlatformDrop: {
    name: 'allow-platform-drop',
    project: rule.pushes,
    group: 'advanced',
    help: 'With --push: move a tag although its image has platforms that the new image lacks',
    absent: undefined,
    parse: read.bool,
  },
}
