import { compact } from '../../compact.ts'
import { suggestionHint } from '../../did-you-mean.ts'
import type { Diagnostic } from '../../errors.ts'
import { ConfigFileError } from '../file.ts'
import type { ImageTarget } from '../images/target.ts'
import { usageError } from '../values.ts'
import { loadCompose, projectNameIn } from './load.ts'
import type { ComposeInput } from './reading.ts'
import { mapOf, nodeAt, textsOf, type ComposeMap, type ComposeNode, type Report } from './node.ts'
import { createBakeTargets } from './bake-targets.ts'
import { checkConsistency, checkSources, contextServicesOf, dependenciesOf } from './consistency.ts'
import { readEnvFiles } from './env-files.ts'
import { checkLabelFiles } from './label-files.ts'
import { checkPairs } from './pair-consistency.ts'
import { OF_BAKE, OF_COMPOSE } from './schema.ts'
import { checkSecrets } from './section-consistency.ts'
import { createTargets } from './targets.ts'

/** Which services of a project are built, and what the command line says beside its files. */
export interface ComposeChoice {
  /** Services; none: all whose profile is on. */
  readonly services: readonly string[]
  readonly profiles: readonly string[]
  /** What the services depend on is built, too. */
  readonly withDependencies: boolean
  /** `-p` and `COMPOSE_PROJECT_NAME`. */
  readonly projectName?: string | undefined
}

/** The images of a project. */
export interface ComposeProject {
  readonly name: string
  /** Of every service that is built from something. */
  readonly targets: readonly ImageTarget[]
  /** The names of the targets that were chosen. */
  readonly chosen: readonly string[]
  readonly warnings: readonly Diagnostic[]
}

/** Reads a compose project and chooses what to build. Throws `ConfigFileError`, and BAD_OPTION for the choice. */
export function readComposeProject(given: ComposeInput, choice: ComposeChoice): ComposeProject {
  const input = withProjectName(given, choice.projectName || given.env[NAME], given.folder)
  const { file, warnings } = loadCompose(input, OF_COMPOSE)
  const problems: Diagnostic[] = []
  const report: Report = (at, message, hint, severity = 'error') =>
    void problems.push({ rule: 'compose', severity, message, at, ...(hint ? { hint } : {}) })
  const name = nameOf(file, given, choice.projectName)
  const section = nodeAt(file, 'services')
  const services = section?.kind === 'map' ? section : mapOf([], file.at)
  const isUsed = (service: string) => isOn(nodeAt(services, service), choice, services)
  checkConsistency(file, services, isUsed, report)
  const used = [...services.entries].filter(([service]) => isUsed(service))
  checkLabelFiles(
    used.map(([, { value }]) => value),
    input,
    report,
  )
  const { targets, targetOf } = createTargets(services, {
    project: name,
    folder: input.folder,
    secrets: nodeAt(file, 'secrets'),
    env: input.env,
    report,
  })
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new ConfigFileError(errors[0]!.at.file, errors)
  const names = chosenServices(services, choice)
  const chosen = names.flatMap((service) => targetOf.get(service) ?? [])
  return { name, targets, chosen, warnings: [...warnings, ...problems] }
}

/** Reads compose files as bake does, whose targets are all services that are built. Throws `ConfigFileError`. */
export function readComposeTargets(given: ComposeInput): Pick<ComposeProject, 'targets' | 'warnings'> {
  const input = withProjectName(given, undefined, given.env[NAME] || 'bake')
  const { file, warnings } = loadCompose(input, OF_BAKE)
  const problems: Diagnostic[] = []
  const report: Report = (at, message, hint, severity = 'error') =>
    void problems.push({ rule: 'compose', severity, message, at, ...(hint ? { hint } : {}) })
  const section = nodeAt(file, 'services')
  const services = section?.kind === 'map' ? section : mapOf([], file.at)
  checkSources(services, report)
  checkPairs(services, report, false)
  checkSecrets(file, report)
  const secrets = nodeAt(file, 'secrets')
  const envFiles = (service: ComposeNode) => readEnvFiles(nodeAt(service, 'env_file'), input, report)
  const targets = createBakeTargets(services, { secrets, env: input.env, envFiles, report })
  // Bake reads the files of all services, also of those that are not built
  for (const { value } of services.entries.values()) if (!nodeAt(value, 'build')) envFiles(value)
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new ConfigFileError(errors[0]!.at.file, errors)
  return { targets, warnings: [...warnings, ...problems] }
}

/** `-p`, `COMPOSE_PROJECT_NAME`, `name:`, or the name of the folder. Throws BAD_OPTION. */
function nameOf(file: ComposeMap, input: ComposeInput, given: string | undefined): string {
  const { folder, env } = input
  const chosen = given || env[NAME] || undefined
  if (chosen !== undefined && !/^[a-z0-9][a-z0-9_-]*$/.test(chosen))
    throw usageError(
      `Cannot use the project name "${chosen}": it is not of lower-case letters, digits, "_" and "-"`,
      'Give another one with --project-name',
    )
  // An empty name says nothing; one that its variables leave empty is wrong
  const written = namesIn(input).at(-1)
  const name = chosen ?? normalName(written ?? folder.split('/').at(-1) ?? '')
  if (name === '' && written !== undefined)
    throw usageError(`Cannot name the project "${written}": no letter or digit is in it`).with(
      compact({ at: nodeAt(file, 'name')?.at }),
    )
  if (name === '')
    throw usageError('Cannot name the project after its folder: no letter or digit is in it', 'Give --project-name')
  return name
}

const NAME = 'COMPOSE_PROJECT_NAME'

/** Files may use the name of their project as a variable, also where the environment does not set it. */
function withProjectName(input: ComposeInput, given: string | undefined, folder: string): ComposeInput {
  const name = given || normalName(namesIn(input).at(-1) || (folder.split('/').at(-1) ?? ''))
  return name ? { ...input, env: { ...input.env, [NAME]: name } } : input
}

function namesIn({ files, show, env }: ComposeInput): string[] {
  return files.flatMap(({ path, text }) => projectNameIn(text, show(path), env))
}

function normalName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
}

/** Whether a profile of a service is on; to name a service is to switch on all of its profiles. */
function isOn(service: ComposeNode | undefined, choice: ComposeChoice, services: ComposeMap): boolean {
  const profiles = profilesOf(service)
  if (profiles.length === 0 || choice.profiles.includes('*')) return true
  const isGiven = (profile: string) => choice.profiles.includes(profile)
  // A service that is on already switches no other profile on
  const named = choice.services
    .map((name) => profilesOf(nodeAt(services, name)))
    .filter((others) => !others.some(isGiven))
  return profiles.some((profile) => isGiven(profile) || named.some((others) => others.includes(profile)))
}

function profilesOf(service: ComposeNode | undefined): string[] {
  return textsOf(nodeAt(service, 'profiles'))
}

/** The services that the choice means, in the order of the file. */
function chosenServices(services: ComposeMap, choice: ComposeChoice): string[] {
  const all = [...services.entries.keys()]
  for (const name of choice.services)
    if (!services.entries.has(name))
      throw usageError(
        `Cannot build "${name}": there is no such service`,
        suggestionHint(name, all) ?? (all.length > 0 ? `The services are ${all.join(', ')}` : undefined),
      )
  const wanted = new Set<string>()
  const pending =
    choice.services.length > 0
      ? [...choice.services]
      : all.filter((name) => isOn(nodeAt(services, name), choice, services))
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (wanted.has(name) || !services.entries.has(name)) continue
    wanted.add(name)
    const service = nodeAt(services, name)
    // Services that an image is made from are images themselves
    pending.push(...contextServicesOf(service).map((need) => need.name))
    if (!choice.withDependencies) continue
    const needs = dependenciesOf(service).filter(
      (need) => !need.isOptional || isOn(nodeAt(services, need.name), choice, services),
    )
    pending.push(...needs.map((need) => need.name))
  }
  return all.filter((name) => wanted.has(name))
}
