import { compact } from '../../compact.ts'
import type { CompleteOptions } from '../../config/options.ts'
import type { ContainerOptions } from '../../engine/container-options.ts'
import { XbuildError } from '../../errors.ts'

/** What the options say to all RUN steps. */
export function containerOf({
  network,
  addHosts = [],
  ulimits = [],
  resources,
  shmSize,
  buildArgs,
}: CompleteOptions): ContainerOptions {
  const hostname = buildArgs['BUILDKIT_SANDBOX_HOSTNAME'] || undefined
  if (hostname !== undefined && !/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/i.test(hostname)) {
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot use BUILDKIT_SANDBOX_HOSTNAME="${hostname.slice(0, 80)}": it is not a valid host name`,
      { hint: 'Use letters, digits, "-" and ".", at most 63 of them' },
    )
  }
  return {
    network: network ?? 'default',
    hosts: addHosts,
    ulimits,
    ...compact({ resources, shmSize, hostname }),
  }
}
