import { toXbuildError } from '../../errors.ts'
import { joinPath } from '../images/paths.ts'
import { parseDotenv } from './dotenv.ts'
import type { ComposeEnv, ComposeInput } from './reading.ts'
import { nodeAt, textOf, type ComposeNode, type Report } from './node.ts'

/** The variables of the files that a service names as `env_file`; a later file goes over an earlier one. */
export function readEnvFiles(node: ComposeNode | undefined, input: ComposeInput, report: Report): ComposeEnv {
  let all: ComposeEnv = {}
  for (const item of node?.kind === 'list' ? node.items : node ? [node] : []) {
    const named = textOf(item) ?? textOf(nodeAt(item, 'path')) ?? ''
    const format = textOf(nodeAt(item, 'format'))
    if (format) {
      report(item.at, `Cannot read the variables of "${named}": bake knows no format "${format}"`, 'Leave "format" out')
      continue
    }
    const path = joinPath(input.folder, named)
    try {
      const text = input.read(path)
      if (text !== undefined) all = { ...all, ...parseDotenv(text, input.show(path), (name) => input.env[name], all) }
      else if (textOf(nodeAt(item, 'required')) !== 'false')
        report(item.at, `Cannot read the variables of "${named}": there is no such file`)
    } catch (thrown) {
      const { message, hint, at } = toXbuildError(thrown)
      report(at ?? item.at, message, hint)
    }
  }
  return all
}
