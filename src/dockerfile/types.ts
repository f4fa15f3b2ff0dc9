// The street through a Dockerfile: as written, as a graph of stages for one platform, as steps to do.
export type * from './instruction-types.ts'
export type * from './stage-source.ts'
export type * from './stage-types.ts'
export type * from './step-types.ts'
