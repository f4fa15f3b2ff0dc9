import { buildStageGraph } from '../dockerfile/graph.ts'
import { parseDockerfile } from '../dockerfile/parse.ts'
import { parseReference } from '../oci/reference.ts'
import type { Platform } from '../platform.ts'
import { pingRegistry, type Ping, type PingOptions } from '../registry/ping.ts'
import { here, type Finding } from './finding.ts'

/** Whether registries answer, each with its mirrors. */
export async function checkRegistries(hosts: readonly string[], options: PingOptions): Promise<Finding[]> {
  return Promise.all([...new Set(hosts)].map(async (host) => judgePings(host, await pingRegistry(host, options))))
}

/** What the answers of a registry and its mirrors mean. */
export function judgePings(host: string, pings: readonly Ping[]): Finding {
  const [lost, there] = [
    pings.filter(({ failure }) => failure !== undefined),
    pings.filter(({ failure }) => failure === undefined),
  ]
  const named = ({ host: name, mirror, took }: Ping) => `${mirror ? `mirror ${name}` : 'it'} answered after ${took} ms`
  const text = [...lost.map(({ failure }) => failure!), ...there.map(named)].join('; ')
  if (lost.length === 0) return here(host, 'ok', text)
  const fix = 'Check the name, the network, HTTPS_PROXY, and "registries" of xbuild.yaml (http, ca, mirrors)'
  return here(host, there.length > 0 ? 'warning' : 'problem', text, { fix })
}

/** The registry that somebody means: `ghcr.io`, `localhost:5000`, or an image of it. Throws BAD_REFERENCE. */
export function registryOf(word: string): string {
  if (!word.includes('/') && (/[.:]/.test(word) || word === 'localhost')) return parseReference(`${word}/xbuild`).host
  return parseReference(word).host
}

/** The registries of the images that a Dockerfile starts from; what cannot be read is no matter here. */
export function registriesOf(text: string, platform: Platform): string[] {
  const { dockerfile } = parseDockerfile(text, { file: 'Dockerfile' })
  const { graph } = buildStageGraph(dockerfile, {
    target: platform,
    buildPlatform: platform,
    buildArgs: {},
    namedContexts: [],
    everyStage: true,
  })
  const sources = graph.stages.flatMap(({ base, froms }) => [base, ...Object.values(froms)])
  return [
    ...new Set(
      sources.flatMap((source) => {
        try {
          return source.kind === 'image' ? [parseReference(source.ref).host] : []
        } catch {
          return []
        }
      }),
    ),
  ]
}
