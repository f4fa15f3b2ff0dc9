import { formatPlatform, parsePlatform, type Platform } from '../../platform.ts'
import { usedIn } from './from-args.ts'
import type { Rule } from './rule.ts'
import { inEveryStage } from './rule.ts'

export const redundantTargetPlatform: Rule = {
  name: 'RedundantTargetPlatform',
  description: 'FROM --platform says the target platform, which is the default',
  help: 'Remove --platform',
  severity: 'warning',
  find: (subject) =>
    inEveryStage(subject, ({ stage }, { graph }) => {
      const { from } = stage.stage
      if (from.platform === undefined) return []
      const { names, value } = usedIn(from.platform, { args: stage.args, escape: stage.escape ?? '\\' })
      const redundant =
        names.length > 0 && names.every((name) => name === 'TARGETPLATFORM') && value === formatPlatform(graph.target)
      return redundant ? [{ at: from.at, message: `--platform=${from.platform} is the default of FROM` }] : []
    }),
}

export const fromPlatformFlagConstDisallowed: Rule = {
  name: 'FromPlatformFlagConstDisallowed',
  description: 'FROM --platform has a constant value: the stage is the same for every target platform',
  help: 'Use --platform=$BUILDPLATFORM, leave it out, or name the stage after its platform if that is meant',
  severity: 'warning',
  find: (subject) =>
    inEveryStage(subject, ({ stage }) => {
      const { from, name = '' } = stage.stage
      if (from.platform === undefined || from.platform.includes('$')) return []
      const { value } = usedIn(from.platform, { args: stage.args, escape: stage.escape ?? '\\' })
      const platform = value === undefined ? undefined : platformOf(value)
      if (!platform || name.includes(platform.os) || name.includes(platform.architecture)) return []
      return [
        {
          at: from.at,
          message: `--platform=${value} is a constant: the stage is ${formatPlatform(platform)} for every target platform`,
        },
      ]
    }),
}

export const invalidBaseImagePlatform: Rule = {
  name: 'InvalidBaseImagePlatform',
  description: 'A base image does not have the platform that is built',
  help: 'Take another base image, or build only for platforms that it has',
  severity: 'warning',
  find: (subject) =>
    inEveryStage(subject, ({ stage, otherPlatforms }) => {
      if (!otherPlatforms) return []
      const { image, at } = stage.stage.from
      return [
        {
          at,
          message: `Base image "${image}" has ${otherPlatforms.join(', ') || 'no platform'}, not ${formatPlatform(stage.platform)}`,
        },
      ]
    }),
}

function platformOf(text: string): Platform | undefined {
  try {
    return parsePlatform(text)
  } catch {
    return undefined // the graph says what is wrong with it
  }
}
