import { consistentInstructionCasing, fromAsCasing } from './casing.ts'
import { jsonArgsRecommended, multipleInstructionsDisallowed } from './commands.ts'
import { copyIgnoredFile } from './copy.ts'
import { invalidDefinitionDescription } from './descriptions.ts'
import { downloadPlatformMismatch } from './downloads.ts'
import { exposeInvalidFormat, exposeProtoCasing } from './expose.ts'
import { invalidDefaultArgInFrom, undefinedArgInFrom } from './from-args.ts'
import { fromPlatformFlagConstDisallowed, invalidBaseImagePlatform, redundantTargetPlatform } from './from-platform.ts'
import { platformArgDefaultDisallowed } from './platform-args.ts'
import type { Rule } from './rule.ts'
import { secretsUsedInArgOrEnv } from './secrets.ts'
import { duplicateStageName, reservedStageName, stageNameCasing } from './stage-names.ts'
import { legacyKeyValueFormat, maintainerDeprecated, noEmptyContinuation } from './syntax.ts'
import { targetPlatformConstDisallowed } from './target-constants.ts'
import { undefinedVar } from './variables.ts'
import { workdirRelativePath } from './workdir.ts'

/** BuildKit's checks, by its names, and then our own. */
export const RULES: readonly Rule[] = [
  stageNameCasing,
  fromAsCasing,
  noEmptyContinuation,
  consistentInstructionCasing,
  duplicateStageName,
  reservedStageName,
  jsonArgsRecommended,
  maintainerDeprecated,
  undefinedArgInFrom,
  workdirRelativePath,
  undefinedVar,
  multipleInstructionsDisallowed,
  legacyKeyValueFormat,
  invalidBaseImagePlatform,
  redundantTargetPlatform,
  secretsUsedInArgOrEnv,
  invalidDefaultArgInFrom,
  fromPlatformFlagConstDisallowed,
  copyIgnoredFile,
  invalidDefinitionDescription,
  exposeProtoCasing,
  exposeInvalidFormat,
  platformArgDefaultDisallowed,
  downloadPlatformMismatch,
  targetPlatformConstDisallowed,
]

const OF_BUILDKIT: ReadonlySet<string> = new Set(RULES.flatMap(({ name, own }) => (own ? [] : [name])))

/** Whether a finding is one that BuildKit would have, too. */
export function isOfBuildKit(rule: string): boolean {
  return OF_BUILDKIT.has(rule)
}

/** Where Docker's documentation tells of a rule of BuildKit; it has no page of base images for other platforms. */
export function pageOf(rule: string): string | undefined {
  if (!isOfBuildKit(rule) || rule === invalidBaseImagePlatform.name) return undefined
  const words = rule.replace(/([a-z])(?=[A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$&-').toLowerCase()
  return `https://docs.docker.com/go/dockerfile/rule/${words}/`
}
