import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One bake project of the collection: files, arguments of `bake`, environment. */
export interface BakeCase {
  readonly name: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, string>>
}

/** A collection, such as that in `cases.txt`. */
export function readCases(collection = 'cases.txt'): BakeCase[] {
  const text = readFileSync(join(import.meta.dirname, collection), 'utf8')
  return text.split(/^### /m).slice(1).map(readCase)
}

function readCase(text: string): BakeCase {
  const [head = '', ...sections] = text.split(/^--- /m)
  const [name = '', ...settings] = head.trimEnd().split('\n')
  const words = (key: string) =>
    settings
      .find((line) => line.startsWith(`${key}: `))
      ?.slice(key.length + 2)
      .split(' ') ?? []
  const files = sections.map((section) => {
    const end = section.indexOf('\n')
    return [section.slice(0, end), section.slice(end + 1)] as const
  })
  const env = words('env').map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const)
  return { name, args: words('args'), env: Object.fromEntries(env), files: Object.fromEntries(files) }
}
