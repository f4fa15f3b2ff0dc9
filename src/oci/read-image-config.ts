import { compact } from '../compact.ts'
import type { Descriptor } from './descriptor.ts'
import { readJson, readStringMap, readStrings, type JsonField } from './json-reader.ts'
import type { ContainerConfig, Healthcheck, HistoryEntry, ImageConfig } from './manifest.ts'
import { readDigest, readPlatform } from './read-manifest.ts'

/** Far above any real config; a history of thousands of steps fits. */
export const MAX_CONFIG_BYTES: number = 8 * 1024 * 1024

/** Reads an image config, OCI or Docker; fields that xbuild does not know are left out. Throws BAD_IMAGE. */
export function parseImageConfig(bytes: Uint8Array, descriptor: Descriptor): ImageConfig {
  const json = readJson(bytes, { what: `image config "${descriptor.digest}"`, maxBytes: MAX_CONFIG_BYTES })
  if (bytes.byteLength !== descriptor.size)
    json.fail(`has ${bytes.byteLength} bytes, its descriptor says ${descriptor.size}`)
  const rootfs = json.get('rootfs')
  if (rootfs.get('type').string() !== 'layers') rootfs.get('type').fail('is not "layers"')
  return compact({
    ...readPlatform(json),
    created: json.get('created').optional((field) => field.string()),
    author: json.get('author').optional((field) => field.string()),
    config: json.get('config').optional(readContainerConfig),
    rootfs: {
      type: 'layers' as const,
      diff_ids: rootfs.get('diff_ids').optional((field) => field.items().map(readDigest)) ?? [],
    },
    history: json.get('history').optional((field) => field.items().map(readHistory)),
  })
}

function readContainerConfig(field: JsonField): ContainerConfig {
  const text = (name: string) => field.get(name).optional((inner) => inner.string())
  const texts = (name: string) => field.get(name).optional(readStrings)
  const set = (name: string) => field.get(name).optional(readSet)
  return compact({
    User: text('User'),
    ExposedPorts: set('ExposedPorts'),
    Env: texts('Env'),
    Entrypoint: texts('Entrypoint'),
    Cmd: texts('Cmd'),
    Volumes: set('Volumes'),
    WorkingDir: text('WorkingDir'),
    Labels: field.get('Labels').optional(readStringMap),
    StopSignal: text('StopSignal'),
    ArgsEscaped: field.get('ArgsEscaped').optional((inner) => inner.boolean()),
    Healthcheck: field.get('Healthcheck').optional(readHealthcheck),
    OnBuild: texts('OnBuild'),
    Shell: texts('Shell'),
  })
}

/** Go's way of writing a set: names with empty objects. */
function readSet(field: JsonField): Record<string, Record<string, never>> {
  return Object.fromEntries(field.entries().map(([name]) => [name, {}]))
}

function readHealthcheck(field: JsonField): Healthcheck {
  const number = (name: string) => field.get(name).optional((inner) => inner.size())
  return compact({
    Test: field.get('Test').optional(readStrings),
    Interval: number('Interval'),
    Timeout: number('Timeout'),
    StartPeriod: number('StartPeriod'),
    StartInterval: number('StartInterval'),
    Retries: number('Retries'),
  })
}

function readHistory(field: JsonField): HistoryEntry {
  const text = (name: string) => field.get(name).optional((inner) => inner.string())
  return compact({
    created: text('created'),
    created_by: text('created_by'),
    author: text('author'),
    comment: text('comment'),
    empty_layer: field.get('empty_layer').optional((inner) => inner.boolean()),
  })
}
