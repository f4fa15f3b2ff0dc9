/**
 * Fields in the order in which the image-spec lists them; all others (annotations, labels, ports...) are sorted by
 * name.
 */
const FIELD_ORDER = `
  schemaVersion imageLayoutVersion mediaType artifactType digest size
  created created_by author comment empty_layer architecture os os.version os.features variant
  config layers manifests subject urls data rootfs type diff_ids history annotations platform
  User ExposedPorts Env Entrypoint Cmd Volumes WorkingDir Labels StopSignal ArgsEscaped Healthcheck OnBuild Shell
  Test Interval Timeout StartPeriod StartInterval Retries
`
  .trim()
  .split(/\s+/)

const RANK: ReadonlyMap<string, number> = new Map(FIELD_ORDER.map((name, index) => [name, index]))

/**
 * JSON as bytes for manifests, configs and indexes: no white space, fields in the image-spec's order, maps sorted,
 * absent fields left out. Equal values give equal bytes however they were put together.
 */
export function serialize(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(ordered(value)))
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => byRank(a, b))
  return Object.fromEntries(entries.map(([key, inner]) => [key, ordered(inner)]))
}

function byRank(a: string, b: string): number {
  const difference = (RANK.get(a) ?? FIELD_ORDER.length) - (RANK.get(b) ?? FIELD_ORDER.length)
  return difference || (a < b ? -1 : a > b ? 1 : 0)
}
