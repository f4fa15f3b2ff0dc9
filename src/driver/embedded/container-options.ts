import type { RunParams } from './protocol.ts'

/** What all RUN steps of a request are given. */
export type ContainerOptions = Pick<RunParams, 'network' | 'hosts' | 'ulimits' | 'shmSize' | 'hostname'>

/** The part of a step's key that the options of its container are; nothing for those that most builds have. */
export function containerKey(container: ContainerOptions): ContainerOptions | undefined {
  const { network, hosts, ulimits, shmSize, hostname } = container
  const isPlain =
    network === 'host' && hosts.length === 0 && ulimits.length === 0 && shmSize === undefined && hostname === undefined
  return isPlain ? undefined : container
}
