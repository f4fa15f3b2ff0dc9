import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import { readBool } from '../config/values.ts'
import { distinctBy } from '../distinct.ts'
import { pageOf } from '../dockerfile/checks/rules.ts'
import type { BuildEvent } from '../events.ts'
import { writeText } from '../publish/publish.ts'
import { readSource } from './read-source.ts'
import type { Terminal } from './terminal.ts'

/** The warnings of a build that name a place, for its metadata file. */
export interface MetadataWarnings {
  take(event: BuildEvent): void
  /** The entry of the metadata file; nothing when there are none, or the environment does not ask. */
  entry(): Readonly<Record<string, readonly object[]>>
  /** Writes a metadata file once more, with the entry where there is one. */
  addTo(file: string, metadata: object): Promise<void>
}

type Warning = Extract<BuildEvent, { readonly type: 'warning' }>

/** Collects warnings when `BUILDX_METADATA_WARNINGS` asks for them, as docker buildx does. */
export function collectWarnings({ env, cwd }: Pick<Terminal, 'env' | 'cwd'>): MetadataWarnings {
  const wanted = readBool(env['BUILDX_METADATA_WARNINGS'] ?? '') === true
  const taken: Warning[] = []
  return {
    entry,
    take: (event) => void (wanted && event.type === 'warning' && event.source && taken.push(event)),
    async addTo(file, metadata) {
      if (taken.length > 0) await writeText(file, `${JSON.stringify({ ...entry(), ...metadata }, null, 2)}\n`)
    },
  }

  function entry(): Readonly<Record<string, readonly object[]>> {
    const distinct = distinctBy(taken, ({ message, source }) => JSON.stringify([message, source]))
    if (distinct.length === 0) return {}
    return { 'buildx.build.warnings': distinct.map((warning) => asWritten(warning, cwd())) }
  }
}

/** In buildx's form, which has its texts in base64. */
function asWritten({ message, source }: Warning, cwd: string): object {
  const { file, line, endLine = line } = source!
  const text = readSource(resolve(cwd, file))
  return {
    level: 1,
    short: base64(`${message} (line ${line})`),
    ...compact({ url: pageOf(/^\w+/.exec(message)?.[0] ?? '') }),
    sourceInfo: { filename: file, ...(text === undefined ? {} : { data: base64(text) }), language: 'Dockerfile' },
    range: [{ start: { line }, end: { line: endLine } }],
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
