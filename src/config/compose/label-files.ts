import { toXbuildError } from '../../errors.ts'
import { joinPath } from '../images/paths.ts'
import { parseDotenv } from './dotenv.ts'
import { nodeAt, textOf, type ComposeNode, type Report } from './node.ts'
import type { ComposeInput } from './reading.ts'

/**
 * Reports files of labels that are not there or cannot be read, as docker compose does. Containers have these labels,
 * images do not: a file that the project may not read is not looked at.
 */
export function checkLabelFiles(services: readonly ComposeNode[], input: ComposeInput, report: Report): void {
  for (const service of services) {
    const node = nodeAt(service, 'label_file')
    for (const item of node?.kind === 'list' ? node.items : node ? [node] : []) check(item)
  }

  function check(item: ComposeNode): void {
    const path = joinPath(input.folder, textOf(item) ?? '')
    const text = readOwn(path)
    if (text === undefined) return report(item.at, `Cannot read the labels of "${input.show(path)}": no such file`)
    try {
      parseDotenv(text, input.show(path), (name) => input.env[name])
    } catch (thrown) {
      const { message, hint, at } = toXbuildError(thrown)
      report(at ?? item.at, message, hint)
    }
  }

  function readOwn(path: string): string | undefined {
    try {
      return input.read(path)
    } catch {
      return ''
    }
  }
}
