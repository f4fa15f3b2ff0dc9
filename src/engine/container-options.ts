import type { RunParams } from './protocol.ts'

/** What all RUN steps of a request are given. */
export type ContainerOptions = Pick<RunParams, 'hosts' | 'ulimits' | 'resources' | 'shmSize' | 'hostname'> & {
  /** `private`: one of their own, or an error; `default`: the same where it can be had. */
  readonly network: 'default' | 'private' | 'host' | 'none'
}
