import * as read from './flag-values.ts'
import type { FlagsOf } from './flag.ts'
import { userOnly } from './project.ts'
import * as rule from './project-rules.ts'

/** Flags for the caches of other machines, and how large the store may be. */
export const CACHE_FLAGS: FlagsOf<'cacheFrom' | 'cacheTo' | 'storeLimit'> = {
  cacheFrom: {
    name: 'cache-from',
    project: rule.readsCache,
    placeholder: 'REF|type=TYPE[,KEY=VALUE]',
    repeat: true,
    group: 'advanced',
    key: 'cache-from',
    help: 'Import build cache: type=registry,ref=REF (REF alone, too), type=local,src=FOLDER, type=gha[,scope=NAME]',
    absent: [],
    parse: read.cacheFrom,
  },
  cacheTo: {
    name: 'cache-to',
    project: rule.writesCache,
    placeholder: 'REF|type=TYPE[,KEY=VALUE]',
    repeat: true,
    group: 'advanced',
    key: 'cache-to',
    help:
      'Export build cache: type=registry,ref=REF, type=local,dest=FOLDER, type=inline, type=gha[,scope=NAME][,max-size=SIZE]; ' +
      'mode=max for all steps, not only those of the result. Each platform has its own cache',
    absent: [],
    parse: read.cacheTo,
  },
  storeLimit: {
    name: 'store-limit',
    project: userOnly("it removes build cache of other builds from the user's store"),
    placeholder: 'SIZE',
    group: 'advanced',
    env: 'XBUILD_STORE_LIMIT',
    help: 'Remove the least recently used items when the store holds more than SIZE after the build, like 20GB',
    default: 'no limit',
    absent: undefined,
    parse: read.size,
  },
}
