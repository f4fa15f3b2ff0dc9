import { compact } from '../../compact.ts'
import { CONTAINER_KEYS, CONTAINER_SECTIONS, CONTAINER_TEXTS } from './container-shapes.ts'
import {
  distinctly,
  each,
  HOSTS,
  LIST_OR_MAP,
  MOUNTS,
  NAMED,
  SWITCH,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  ULIMITS,
  WHOLE,
  wordOf,
  type Shape,
} from './shape.ts'
import { sizeProblem, switchProblem } from './value-texts.ts'

const BUILD: Shape = {
  type: ['string', 'map'],
  keys: {
    context: TEXT,
    dockerfile: TEXT,
    dockerfile_inline: TEXT,
    entitlements: TEXTS,
    args: LIST_OR_MAP,
    ssh: LIST_OR_MAP,
    labels: LIST_OR_MAP,
    cache_from: TEXTS,
    cache_to: TEXTS,
    no_cache: SWITCH,
    no_cache_filter: TEXT_OR_TEXTS,
    additional_contexts: LIST_OR_MAP,
    network: TEXT,
    ...each('provenance sbom', { type: ['boolean', 'string'] }),
    pull: SWITCH,
    target: TEXT,
    shm_size: { ...WHOLE, problem: sizeProblem },
    extra_hosts: HOSTS,
    isolation: TEXT,
    privileged: SWITCH,
    secrets: MOUNTS,
    tags: TEXTS,
    ulimits: { ...ULIMITS, values: { ...ULIMITS.values, type: ['digits', 'map'] } },
    platforms: TEXTS,
    'x-xbuild': { type: ['map', 'null'], keys: { test: TEXT_OR_TEXTS } },
    'x-bake': {
      type: ['map', 'null'],
      passesOver: true,
      keys: {
        tags: TEXT_OR_TEXTS,
        'cache-from': TEXT_OR_TEXTS,
        'cache-to': TEXT_OR_TEXTS,
        secret: TEXT_OR_TEXTS,
        ssh: TEXT_OR_TEXTS,
        platforms: TEXT_OR_TEXTS,
        output: TEXT_OR_TEXTS,
        pull: { type: ['boolean'] },
        'no-cache': { type: ['boolean'] },
        'no-cache-filter': TEXT_OR_TEXTS,
        contexts: { type: ['map'], values: TEXT },
      },
    },
  },
}

const DEPENDS_ON: Shape = {
  type: ['list', 'map'],
  items: TEXT,
  pattern: NAMED,
  values: {
    type: ['map'],
    keys: {
      restart: SWITCH,
      required: SWITCH,
      condition: wordOf('service_started service_healthy service_completed_successfully'),
    },
    required: ['condition'],
  },
}

const SERVICE_KEYS: Readonly<Record<string, Shape>> = {
  build: BUILD,
  depends_on: DEPENDS_ON,
  env_file: {
    type: ['string', 'list'],
    items: {
      type: ['string', 'map'],
      keys: { path: TEXT, format: wordOf('raw'), required: SWITCH },
      required: ['path'],
    },
  },
  environment: LIST_OR_MAP,
  // Other keys are let through, as in compose: to extend warns of them
  extends: { type: ['string', 'map'], keys: { service: TEXT, file: TEXT }, values: {}, required: ['service'] },
  image: TEXT,
  platform: TEXT,
  profiles: { type: ['list'], items: TEXT },
  pull_policy: { ...TEXT, problem: pullPolicyProblem },
}

const SECRET: Shape = {
  type: ['map'],
  keys: {
    name: TEXT,
    environment: TEXT,
    file: TEXT,
    external: { type: ['boolean', 'string', 'map'], cast: switchProblem, keys: { name: TEXT }, values: {} },
    labels: LIST_OR_MAP,
    driver: TEXT,
    driver_opts: { type: ['map'], values: { type: ['string', 'number'] } },
    template_driver: TEXT,
  },
}

function pullPolicyProblem(text: string): string | undefined {
  const isKnown = /always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+/.test(text)
  return isKnown ? undefined : 'it must be always, never, missing, build, daily, weekly or every_DURATION'
}

/** What compose files are checked against. */
export interface ComposeShapes {
  readonly file: Shape
  readonly service: Shape
}

/** As docker compose reads them: what decides how containers run is checked, too. */
export const OF_COMPOSE: ComposeShapes = shapesOf(
  {
    ...CONTAINER_KEYS,
    ...SERVICE_KEYS,
    build: { ...BUILD, keys: { ...BUILD.keys, ssh: distinctly(LIST_OR_MAP), extra_hosts: distinctly(HOSTS) } },
    depends_on: distinctly(DEPENDS_ON),
  },
  CONTAINER_SECTIONS,
)

/** As bake reads them: of what decides how containers run, only ports, volumes and what is cast are checked. */
export const OF_BAKE: ComposeShapes = shapesOf(
  { ...eachCast(CONTAINER_KEYS), ...CONTAINER_TEXTS, ...SERVICE_KEYS },
  eachCast(CONTAINER_SECTIONS),
)

function eachCast(shapes: Readonly<Record<string, Shape>>): Record<string, Shape> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, castOf(shape)]))
}

/** A shape of which only the casts are checked. */
function castOf({ cast, keys, values, items }: Shape): Shape {
  return compact({
    cast,
    keys: keys && eachCast(keys),
    values: values ? castOf(values) : keys && {},
    items: items && castOf(items),
  })
}

function shapesOf(
  serviceKeys: Readonly<Record<string, Shape>>,
  containerSections: Readonly<Record<string, Shape>>,
): ComposeShapes {
  const service: Shape = { type: ['map', 'null'], keys: serviceKeys }
  const include: Shape = {
    type: ['list', 'null'],
    items: {
      type: ['string', 'map'],
      keys: { path: TEXT_OR_TEXTS, env_file: TEXT_OR_TEXTS, project_directory: TEXT },
      passesOver: true,
    },
  }
  const services: Shape = { type: ['map'], pattern: NAMED, values: service }
  const secrets: Shape = { type: ['map'], pattern: NAMED, values: SECRET }
  const file: Shape = {
    type: ['map'],
    keys: { version: TEXT, name: TEXT, include, services, secrets, ...containerSections },
  }
  return { file, service }
}
