import { suggestionHint } from '../../did-you-mean.ts'
import type { Diagnostic } from '../../errors.ts'
import { ConfigFileError } from '../file.ts'
import type { ImageTarget } from '../images/target.ts'
import { usageError } from '../values.ts'
import { loadCompose, projectNameIn, type ComposeInput } from './load.ts'
import { pairsOf } from './merge.ts'
import { mapOf, nodeAt, textOf, textsOf, type ComposeMap, type ComposeNode, type Report } from './node.ts'
import { createBakeTargets } from './bake-targets.ts'
import { readEnvFiles } from './env-files.ts'
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
  const { file, warnings } = loadCompose(input)
  const problems: Diagnostic[] = []
  const report: Report = (at, message, hint, severity = 'error') =>
    void problems.push({ rule: 'compose', severity, message, at, ...(hint ? { hint } : {}) })
  const name = nameOf(file, input, choice.projectName)
  const section = nodeAt(file, 'services')
  const services = section?.kind === 'map' ? section : mapOf([], file.at)
  checkServices(services, choice, report)
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
  const { file, warnings } = loadCompose(input)
  const problems: Diagnostic[] = []
  const report: Report = (at, message, hint, severity = 'error') =>
    void problems.push({ rule: 'compose', severity, message, at, ...(hint ? { hint } : {}) })
  const section = nodeAt(file, 'services')
  const services = section?.kind === 'map' ? section : mapOf([], file.at)
  checkSources(services, report)
  const secrets = nodeAt(file, 'secrets')
  const envFiles = (service: ComposeNode) => readEnvFiles(nodeAt(service, 'env_file'), input, report)
  const targets = createBakeTargets(services, { secrets, env: input.env, envFiles, report })
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new ConfigFileError(errors[0]!.at.file, errors)
  return { targets, warnings: [...warnings, ...problems] }
}

/** `-p`, `COMPOSE_PROJECT_NAME`, `name:`, or the name of the folder. Throws BAD_OPTION. */
function nameOf(file: ComposeMap, { folder, env }: ComposeInput, given: string | undefined): string {
  const chosen = given || env[NAME] || textOf(nodeAt(file, 'name'))
  if (chosen !== undefined && !/^[a-z0-9][a-z0-9_-]*$/.test(chosen))
    throw usageError(
      `Cannot use the project name "${chosen}": it is not of lower-case letters, digits, "_" and "-"`,
      'Give another one with --project-name',
    )
  const name = chosen ?? normalName(folder.split('/').at(-1) ?? '')
  if (name === '')
    throw usageError('Cannot name the project after its folder: no letter or digit is in it', 'Give --project-name')
  return name
}

const NAME = 'COMPOSE_PROJECT_NAME'

/** Files may use the name of their project as a variable, also where the environment does not set it. */
function withProjectName(input: ComposeInput, given: string | undefined, folder: string): ComposeInput {
  const isUsed = input.files.some(({ text }) => text.includes(NAME))
  if (!isUsed) return input
  const names = input.files.flatMap(({ path, text }) => projectNameIn(text, input.show(path), input.env))
  const name = given || names.at(-1) || normalName(folder.split('/').at(-1) ?? '')
  return name ? { ...input, env: { ...input.env, [NAME]: name } } : input
}

function normalName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
}

function checkSources(services: ComposeMap, report: Report): void {
  for (const [name, { at, value }] of services.entries)
    if (!nodeAt(value, 'image') && !nodeAt(value, 'build') && !nodeAt(value, 'provider'))
      report(at, `Cannot use the service "${name}": it has neither image nor build`)
}

/** What must hold between services; what is switched off needs nothing. */
function checkServices(services: ComposeMap, choice: ComposeChoice, report: Report): void {
  checkSources(services, report)
  for (const [name, { value }] of services.entries) {
    if (!isOn(value, choice) && !choice.services.includes(name)) continue
    for (const [need, place, required] of dependenciesOf(value))
      if (required && !services.entries.has(need))
        report(
          place.at,
          `Cannot depend on "${need}": there is no such service`,
          suggestionHint(need, services.entries.keys()),
        )
  }
}

type Dependency = readonly [name: string, place: ComposeNode, required: boolean]

/** The services that a container needs: by `depends_on`, by its links, and those whose namespaces or volumes it has. */
function dependenciesOf(service: ComposeNode | undefined): Dependency[] {
  const named = (key: string, pattern: RegExp) => {
    const node = nodeAt(service, key)
    return (node?.kind === 'list' ? node.items : node ? [node] : []).flatMap((item): Dependency[] => {
      const name = pattern.exec(textOf(item) ?? '')?.[1]
      return name === undefined ? [] : [[name, item, true]]
    })
  }
  const node = nodeAt(service, 'depends_on')
  const entries = node?.kind === 'map' ? [...node.entries] : []
  return [
    ...named('depends_on', /^(.+)$/s),
    ...entries.map(([name, { value }]): Dependency => [name, value, textOf(nodeAt(value, 'required')) !== 'false']),
    ...named('links', /^([^:]+)/),
    ...['network_mode', 'ipc', 'pid'].flatMap((key) => named(key, /^service:(.+)$/)),
    ...named('volumes_from', /^(?!container:)([^:]+)/),
  ]
}

function isOn(service: ComposeNode | undefined, { profiles: on }: ComposeChoice): boolean {
  const profiles = textsOf(nodeAt(service, 'profiles'))
  return profiles.length === 0 || on.includes('*') || profiles.some((profile) => on.includes(profile))
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
    choice.services.length > 0 ? [...choice.services] : all.filter((name) => isOn(nodeAt(services, name), choice))
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (wanted.has(name) || !services.entries.has(name)) continue
    wanted.add(name)
    const service = nodeAt(services, name)
    // Services that an image is made from are images themselves
    pending.push(...pairsOf(nodeAt(service, 'build', 'additional_contexts') ?? NOTHING).flatMap(serviceOf))
    if (choice.withDependencies) pending.push(...dependenciesOf(service).map(([need]) => need))
  }
  return all.filter((name) => wanted.has(name))
}

const NOTHING: ComposeNode = { kind: 'null', at: { file: '', line: 1 } }

function serviceOf(pair: ComposeNode): string[] {
  const [, name] = /^[^=]*=service:(.*)$/s.exec(textOf(pair) ?? '') ?? []
  return name === undefined ? [] : [name]
}
