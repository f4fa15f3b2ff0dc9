import { formatPlatform, type Platform } from '../../platform.ts'
import type { Step } from '../types.ts'
import { architecturesIn, runsOn } from './architectures.ts'
import type { Finding, Rule, StageView } from './rule.ts'
import { inEveryStage } from './rule.ts'

export const targetPlatformConstDisallowed: Rule = {
  name: 'TargetPlatformConstDisallowed',
  description: 'A compiler has a constant target platform, which is not the platform that is built',
  help: 'Declare ARG TARGETOS and ARG TARGETARCH and use them',
  severity: 'warning',
  own: true,
  find: (subject) =>
    inEveryStage(subject, (view, { graph: { target } }) => [
      ...fromEnv(view, target),
      ...view.evaluated.steps.flatMap((step) => fromRun(step, target)),
    ]),
}

/** `ENV GOARCH=amd64` */
function fromEnv({ stage }: StageView, target: Platform): Finding[] {
  return stage.stage.instructions.flatMap((instruction): Finding[] => {
    if (instruction.kind !== 'env') return []
    const wrong = instruction.pairs.flatMap(({ key, value }) => {
      const setting = `${key}=${value.replace(/^(["'])(.*)\1$/, '$2')}`
      return isWrong(setting, target) ? [setting] : []
    })
    return wrong.map((setting) => ({ at: instruction.at, message: messageOf(setting, target) }))
  })
}

const SETTING =
  /\b(?:GOARCH|GOOS)=["']?[a-z0-9]+["']?(?![\w$-])|\bcargo\s[^;&|]*--target[= ]["']?[a-z0-9_]+-[a-z0-9_-]+/gi
const VARIABLE = /\b(?:TARGET|BUILD)(?:ARCH|OS|PLATFORM)\b/

/** `RUN GOARCH=amd64 go build`; a command that builds for several platforms, or looks at the target, knows better. */
function fromRun(step: Step, target: Platform): Finding[] {
  if (step.kind !== 'run') return []
  const command = step.argv.concat(step.files.map(({ content }) => content)).join(' ')
  if (VARIABLE.test(command)) return []
  const settings = (command.match(SETTING) ?? []).map((setting) =>
    setting.replace(/["']/g, '').replace(/^cargo\s.*(--target)/s, '$1'),
  )
  for (const name of ['GOARCH', 'GOOS', '--target']) {
    if (new Set(settings.filter((setting) => setting.startsWith(name))).size > 1) return []
  }
  const wrong = settings.find((setting) => isWrong(setting, target))
  return wrong === undefined ? [] : [{ at: step.at, message: messageOf(wrong, target) }]
}

function isWrong(setting: string, { os, architecture }: Platform): boolean {
  const [name = '', value = ''] = setting.split(/[= ]/)
  if (name === 'GOOS') return /^[a-z0-9]+$/.test(value) && value !== os
  if (name === 'GOARCH') return /^[a-z0-9]+$/.test(value) && value !== architecture
  if (name !== '--target') return false
  const [found] = architecturesIn(value)
  return found !== undefined && found !== architecture && !runsOn(found, architecture)
}

function messageOf(setting: string, target: Platform): string {
  return `${setting} is a constant, and the target platform is ${formatPlatform(target)}`
}
