import * as read from './flag-values.ts'
import type { FlagsOf } from './flag.ts'

/** Flags for what a result must pass before it is published. */
export const CHECK_FLAGS: FlagsOf<'audit' | 'auditExcept' | 'test' | 'checkReproducible'> = {
  audit: {
    name: 'audit',
    project: 'free',
    placeholder: 'error|warn|off',
    group: 'advanced',
    key: 'audit',
    help: 'What to do about programs in the result that do not run on its platform: end the build, warn, or nothing',
    default: 'error; warn when all outputs are local or tar',
    absent: undefined,
    parse: read.auditLevel,
  },
  auditExcept: {
    name: 'audit-except',
    project: 'free',
    placeholder: 'PATTERN',
    repeat: true,
    group: 'advanced',
    key: 'audit-except',
    help: 'Paths in the image that the audit leaves alone, like /opt/firmware/**',
    absent: undefined,
    parse: read.patterns,
  },
  test: {
    name: 'test',
    // It runs inside the sandbox of steps, in an image that the project itself describes
    project: 'free',
    placeholder: 'COMMAND',
    repeat: true,
    group: 'advanced',
    key: 'test',
    help: 'Run COMMAND in the finished image of every platform, as RUN would; when it fails, nothing is published',
    absent: undefined,
    parse: (texts, input) => texts.map((one) => read.text([one], input)),
  },
  checkReproducible: {
    name: 'check-reproducible',
    project: 'free',
    group: 'advanced',
    help: 'Build twice without build cache; when the results differ, say in which files, and publish nothing',
    absent: undefined,
    parse: (texts, input): boolean | undefined => read.bool(texts, input),
  },
}
