import { parseRemote } from '../dockerfile/remote.ts'
import type { NamedContext } from './options.ts'
import { badValue, splitPair } from './values.ts'

/** Reads one `--build-context NAME=docker-image://...|oci-layout://...|folder`. Throws BAD_OPTION. */
export function parseBuildContext(
  text: string,
  label: string,
): { readonly name: string; readonly context: NamedContext } {
  const [name, value] = splitPair(text, label)
  if (!value)
    throw badValue(
      label,
      text,
      'the value after "=" is missing',
      'Write it like NAME=docker-image://alpine:3 or NAME=folder',
    )
  return { name, context: parseValue(value, text, label) }
}

function parseValue(value: string, text: string, label: string): NamedContext {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase()
  const rest = scheme ? value.slice(scheme.length + 3) : value
  if (scheme === 'docker-image' || scheme === 'oci-layout') {
    if (rest === '') throw badValue(label, text, `the part after ${scheme}:// is missing`)
    return scheme === 'docker-image' ? { kind: 'image', ref: rest } : parseLayout(rest, text, label)
  }
  const remote = parseRemote(value, { byUser: true })
  if (remote) return { kind: 'remote', remote }
  if (scheme !== undefined)
    throw badValue(
      label,
      text,
      `unknown scheme ${scheme}://`,
      'Give a folder, docker-image://, oci-layout://, a git or an http URL',
    )
  if (value.startsWith('target:'))
    throw badValue(label, text, 'target: refers to another image of the same run, and this run builds only one image')
  return { kind: 'dir', path: value }
}

function parseLayout(rest: string, text: string, label: string): NamedContext {
  const [, path = rest, digest, tag] = /^(.*?)(?:@(\w+:[0-9a-f]+)|:(\w[\w.-]{0,127}))?$/s.exec(rest) ?? []
  if (path === '') throw badValue(label, text, 'the folder of the OCI layout is missing')
  const ref = digest ?? tag
  return ref === undefined ? { kind: 'oci-layout', path } : { kind: 'oci-layout', path, ref }
}

/** The names of build contexts as a stage graph wants them. */
export function contextNames(contexts: Readonly<Record<string, NamedContext>>): {
  readonly namedContexts: string[]
  readonly folderContexts: string[]
  readonly scratchContexts: string[]
} {
  const named = (isMeant: (context: NamedContext) => boolean) =>
    Object.entries(contexts).flatMap(([name, context]) => (isMeant(context) ? name : []))
  return {
    namedContexts: Object.keys(contexts),
    folderContexts: named(({ kind }) => kind === 'dir' || kind === 'remote'),
    scratchContexts: named((context) => context.kind === 'image' && context.ref === 'scratch'),
  }
}
