import { suggestionHint } from '../../did-you-mean.ts'
import type { Said, SaidRecord } from '../images/target.ts'
import { pairsOf } from './merge.ts'
import { nodeAt, textOf, type ComposeMap, type ComposeNode, type Report } from './node.ts'
import { csv, recordOf } from './said.ts'
import { bytesOf } from './value-texts.ts'

/** What the keys of a build are read with. */
export interface ReaderInput {
  readonly services: ComposeMap
  /** The names of targets by those of the services that are built. */
  readonly names: ReadonlyMap<string, string>
  /** The top-level secrets. */
  readonly secrets: ComposeNode | undefined
  /** What steps call a secret: the name that the service gives it, or that of the file, as bake does. */
  readonly secretId: 'target' | 'source'
  readonly report: Report
}

/** Readers of the keys of a build that depend on other parts of the file. */
export interface Readers {
  readonly contexts: (node: ComposeNode | undefined) => SaidRecord
  readonly secrets: (node: ComposeNode | undefined) => Said[]
  readonly ssh: (node: ComposeNode | undefined) => Said[]
  readonly flag: (node: ComposeNode | undefined, key: string) => Said<boolean> | undefined
  readonly bytes: (node: ComposeNode | undefined) => Said | undefined
}

/** Makes readers for the services of a file. */
export function createReaders(edges: ReaderInput): Readers {
  const { services, names } = edges
  return { contexts: contextsOf, secrets: secretsOf, ssh: sshOf, flag: switchOf, bytes: sizeOf }

  function contextsOf(node: ComposeNode | undefined): SaidRecord {
    const contexts = Object.entries(recordOf(node)).map(([name, said]) => {
      if (!said.value.startsWith('service:')) return [name, said] as const
      const service = said.value.slice('service:'.length)
      const target = names.get(service)
      if (target === undefined) {
        const state = services.entries.has(service) ? 'that service has no build' : 'there is no such service'
        const message = `Cannot use the context "${name}" from the service "${service}": ${state}`
        edges.report(said.at!, message, suggestionHint(service, names.keys()))
      }
      return [name, { ...said, value: `target:${target ?? service}` }] as const
    })
    return Object.fromEntries(contexts)
  }

  function secretsOf(node: ComposeNode | undefined): Said[] {
    return (node?.kind === 'list' ? node.items : []).flatMap((item) => {
      const source = textOf(item) ?? textOf(nodeAt(item, 'source')) ?? ''
      const id = (edges.secretId === 'target' ? textOf(nodeAt(item, 'target')) : undefined) ?? source
      const secret = nodeAt(edges.secrets, source)
      const fail = (state: string, hint?: string): [] => {
        edges.report(item.at, `Cannot use the secret "${source}": ${state}`, hint)
        return []
      }
      if (['uid', 'gid', 'mode'].some((key) => nodeAt(item, key)))
        edges.report(
          item.at,
          `The owner and the mode of the secret "${source}" are those of RUN --mount=type=secret, not of the compose file`,
          undefined,
          'warning',
        )
      if (!secret) {
        const known = edges.secrets?.kind === 'map' ? edges.secrets.entries.keys() : []
        return fail('it is not among the secrets of the file', suggestionHint(source, known))
      }
      const variable = textOf(nodeAt(secret, 'environment'))
      const file = textOf(nodeAt(secret, 'file'))
      if (variable !== undefined) return [{ value: csv({ id, type: 'env', env: variable }), at: item.at }]
      if (file !== undefined) return [{ value: csv({ id, type: 'file', src: file }), at: item.at }]
      return fail('it is external: an engine holds it', 'Give it a file or a variable of the environment')
    })
  }

  function sshOf(node: ComposeNode | undefined): Said[] {
    return (node ? pairsOf(node) : []).map((pair) => {
      const value = (textOf(pair) ?? '').replace(/=$/, '')
      if (!value.includes('=') && value !== 'default')
        edges.report(pair.at, `Cannot use the ssh key "${value}": it has no path`, `Write ${value}=SOCKET or KEYFILE`)
      return { value, at: pair.at }
    })
  }

  function switchOf(node: ComposeNode | undefined, key: string): Said<boolean> | undefined {
    const text = textOf(node)?.toLowerCase()
    if (text === undefined) return undefined
    if (['true', 'y', 'yes', 'on', '1', 't'].includes(text)) return { value: true, at: node!.at }
    if (!['false', 'n', 'no', 'off', '0', 'f', ''].includes(text))
      edges.report(node!.at, `Cannot use ${key} "${text}": neither true nor false`)
    return { value: false, at: node!.at }
  }

  /** A size; 0 is none. */
  function sizeOf(node: ComposeNode | undefined): Said | undefined {
    const text = textOf(node)
    if (text === undefined) return undefined
    const bytes = bytesOf(text)
    if (bytes === undefined)
      edges.report(node!.at, `Cannot use shm_size "${text}": not a size`, 'Write it like 20GB or 512MB')
    return bytes ? { value: String(bytes), at: node!.at } : undefined
  }
}
