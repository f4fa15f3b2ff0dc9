import * as read from './flag-values.ts'
import type { FlagsOf } from './flag.ts'
import { userOnly } from './project.ts'
import * as rule from './project-rules.ts'

/** Flags for files of this machine that a build writes, and how its steps run here. */
export const MACHINE_FLAGS: FlagsOf<
  'metadataFile' | 'iidFile' | 'jobs' | 'timeout' | 'silenceTimeout' | 'ociRuntime' | 'store'
> = {
  metadataFile: {
    name: 'metadata-file',
    project: rule.writesFile,
    placeholder: 'FILE',
    group: 'advanced',
    help: 'Write digests of the result to FILE, as JSON',
    absent: undefined,
    parse: read.text,
  },
  iidFile: {
    name: 'iidfile',
    project: rule.writesFile,
    placeholder: 'FILE',
    group: 'advanced',
    help: 'Write the digest of the image to FILE',
    absent: undefined,
    parse: read.text,
  },
  jobs: {
    name: 'jobs',
    project: 'free',
    placeholder: 'N',
    group: 'advanced',
    key: 'jobs',
    help: 'Number of steps that run at the same time, and of images that nodes build at the same time, together',
    default: 'number of CPUs, at least 16; of images on nodes: no limit',
    absent: undefined,
    parse: read.positive,
  },
  timeout: {
    name: 'timeout',
    project: 'free',
    placeholder: 'DURATION',
    group: 'advanced',
    key: 'timeout',
    help: 'How long each platform may take, like 30m; then its steps are stopped and it fails',
    default: 'no limit',
    absent: undefined,
    parse: read.duration,
  },
  silenceTimeout: {
    name: 'silence-timeout',
    project: 'free',
    placeholder: 'DURATION',
    group: 'advanced',
    key: 'silence-timeout',
    help: 'How long a step may run without output, like 10m; an emulated step is then tried once on another node',
    default: 'no limit',
    absent: undefined,
    parse: read.duration,
  },
  ociRuntime: {
    name: 'oci-runtime',
    project: rule.runsProgram,
    placeholder: 'PROGRAM',
    group: 'advanced',
    key: 'oci-runtime',
    help: 'The OCI runtime that runs RUN steps',
    default: 'the first of runc, crun, youki that works',
    absent: undefined,
    parse: read.text,
  },
  store: {
    name: 'store',
    project: userOnly("it names the folder of the user's images"),
    placeholder: 'FOLDER',
    group: 'advanced',
    key: 'store',
    help: 'Folder of images and build cache',
    default: '/var/lib/xbuild for root, else ~/.local/share/xbuild',
    absent: undefined,
    parse: read.text,
  },
}
