import type { RunParams } from './protocol.ts'

/** What all RUN steps of a request are given. */
export type ContainerOptions = Pick<RunParams, 'hosts' | 'ulimits' | 'resources' | 'shmSize' | 'hostname'> & {
  /** `private`: one of their own, or an error; `default`: the same where it can be had. */
  readonly network: 'default' | 'private' | 'host' | 'none'
}

/** The part of a step's key that the options of its container are; nothing for those that most builds have. */
export function containerKey(container: ContainerOptions): unknown {
  const { network, hosts, ulimits, resources, shmSize, hostname } = container
  const isPlain =
    network !== 'none' &&
    hosts.length === 0 &&
    ulimits.length === 0 &&
    resources === undefined &&
    shmSize === undefined &&
    hostname === undefined
  // Which way out a step has makes no difference to what it makes, as long as there is one
  return isPlain ? undefined : { ...container, network: network === 'none' ? network : 'host' }
}
