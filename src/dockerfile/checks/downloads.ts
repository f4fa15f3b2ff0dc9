import { formatPlatform } from '../../platform.ts'
import { shorten } from '../flags.ts'
import type { RunStep, Step } from '../types.ts'
import { architecturesIn, runsOn } from './architectures.ts'
import type { Finding, Rule } from './rule.ts'
import { inEveryStage } from './rule.ts'

export const downloadPlatformMismatch: Rule = {
  name: 'DownloadPlatformMismatch',
  description: 'A stage downloads a file for another architecture than that of the stage',
  help: 'Choose the file by $TARGETARCH',
  severity: 'warning',
  own: true,
  find: (subject) =>
    inEveryStage(subject, ({ stage, evaluated }) =>
      evaluated.steps.flatMap((step): Finding[] => {
        const wrong = urlsOf(step)
          .map((url) => ({ url, architecture: onlyArchitecture(url) }))
          .find(({ architecture }) => architecture !== undefined && !runsOn(architecture, stage.platform.architecture))
        if (!wrong) return []
        const name = shorten(wrong.url.split('/').at(-1)!)
        return [
          {
            at: step.at,
            message: `"${name}" is for ${wrong.architecture}, and this stage is ${formatPlatform(stage.platform)}`,
          },
        ]
      }),
    ),
}

const DOWNLOADS = /(?:^|[\s;&|(`])(?:curl|wget|aria2c)\s/
/** Signs that the command looks at the architecture itself: then it knows better. */
const CHOOSES =
  /\b(?:uname|arch|dpkg-architecture|--print-arch(?:itecture)?|xx-info|case|(?:TARGET|BUILD)(?:ARCH|PLATFORM|VARIANT))\b|\bif\s|\[\s/
const URL = /\bhttps?:\/\/[^\s"'`;|&<>()]+/g

function urlsOf(step: Step): readonly string[] {
  if (step.kind === 'copy') return (step.remotes ?? []).flatMap((remote) => (remote.kind === 'http' ? remote.url : []))
  if (step.kind !== 'run') return []
  const command = step.argv.concat(step.files.map(({ content }) => content)).join(' ')
  if (!DOWNLOADS.test(command) || CHOOSES.test(command)) return []
  const urls = withVariables(command, step).match(URL) ?? []
  // Files for several architectures: the command sorts them out.
  return new Set(urls.flatMap((url) => architecturesIn(pathOf(url)))).size > 1 ? [] : urls
}

/** Values of ARG and ENV put in, but not those that the command sets itself. */
function withVariables(command: string, { env }: RunStep): string {
  const values = new Map(
    env.map((variable) => [variable.slice(0, variable.indexOf('=')), variable.slice(variable.indexOf('=') + 1)]),
  )
  return command.replace(/\$(?:\{(\w+)\}|(\w+))/g, (text, braced?: string, bare?: string) => {
    const name = braced ?? bare!
    return new RegExp(`\\b${name}=`).test(command) ? text : (values.get(name)?.slice(0, 1000) ?? text)
  })
}

function onlyArchitecture(url: string): string | undefined {
  const found = architecturesIn(pathOf(url))
  return found.length === 1 ? found[0] : undefined
}

/** What follows the host: hosts are named after machines for other reasons. */
function pathOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/]*/i, '')
}
