import { formatPlatform, type Platform } from '../platform.ts'

/** The automatic ARGs of a build: what it runs on, what it is for, which stage it makes. */
export function platformArgs(options: {
  target: Platform
  build: Platform
  targetStage: string
}): Record<string, string> {
  const { target, build, targetStage } = options
  return {
    BUILDPLATFORM: formatPlatform(build),
    BUILDOS: build.os,
    BUILDOSVERSION: build.osVersion ?? '',
    BUILDARCH: build.architecture,
    BUILDVARIANT: build.variant ?? '',
    TARGETPLATFORM: formatPlatform(target),
    TARGETOS: target.os,
    TARGETOSVERSION: target.osVersion ?? '',
    TARGETARCH: target.architecture,
    TARGETVARIANT: target.variant ?? '',
    TARGETSTAGE: targetStage,
  }
}

const PROXIES: ReadonlySet<string> = new Set(['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'])

/**
 * The proxy variables among the build args, each in both cases: every RUN gets them, no cache key and no history
 * holds them.
 */
export function proxyArgs(build: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const proxies = new Map<string, string>()
  for (const name of Object.keys(build).toSorted()) {
    if (!PROXIES.has(name.toLowerCase())) continue
    proxies.set(name.toUpperCase(), build[name]!)
    proxies.set(name.toLowerCase(), build[name]!)
  }
  return proxies
}
