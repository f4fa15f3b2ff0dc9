import type { CompleteOptions } from './options.ts'

const KEYS = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
} as const

/**
 * The build args that `proxies` of Docker's settings stand for, each in both cases; `host` is the engine that `docker`
 * talks to, which may have an entry of its own.
 */
export function proxiesOf(settings: object, host: string): Readonly<Record<string, string>> {
  const { proxies } = settings as { proxies?: unknown }
  const own = record(record(proxies)[host] ?? record(proxies)['default'])
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, name]) => {
      const value = Object.hasOwn(own, key) ? own[key] : undefined
      return typeof value === 'string' && value !== '' ? [name, name.toLowerCase()].map((one) => [one, value]) : []
    }),
  )
}

/** All build args of a build; what somebody said of a proxy wins over the settings, in either case. */
export function withProxies({
  buildArgs,
  proxies = {},
}: Pick<CompleteOptions, 'buildArgs'> & {
  readonly proxies?: CompleteOptions['proxies'] | undefined
}): Readonly<Record<string, string>> {
  const said = new Set(Object.keys(buildArgs).map((name) => name.toLowerCase()))
  const others = Object.entries(proxies).filter(([name]) => !said.has(name.toLowerCase()))
  return others.length === 0 ? buildArgs : { ...Object.fromEntries(others), ...buildArgs }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
