import type { StageGraph } from '../dockerfile/types.ts'
import type { TargetBuild } from '../driver/target.ts'
import { samePlatform, type Platform } from '../platform.ts'
import { graphOf } from './requests.ts'

/** The stages of a target where `$BUILDPLATFORM` is another one. */
export function graphWhere({ platform, options, dockerfile, graph }: TargetBuild, buildPlatform: Platform): StageGraph {
  return samePlatform(graph.buildPlatform, buildPlatform)
    ? graph
    : graphOf(dockerfile, options, { target: platform, buildPlatform }).graph
}
