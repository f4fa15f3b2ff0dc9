import { compareVersions } from './debian-version.ts'

/** A version of a package, as the archive describes it. */
export interface AptPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
  /** Source package with the version of the source. */
  readonly source: { readonly name: string; readonly version: string }
  /** Sources whose content went into it, by name; Debian policy 7.8. */
  readonly builtUsing: ReadonlyMap<string, string>
  /** Names of what it depends on, of alternatives the first. */
  readonly depends: readonly string[]
  readonly sha256: string
  /** Its path in the archive. */
  readonly path: string
}

/** Reads stanzas of an index of packages, see deb-control(5). */
export function parseStanzas(text: string): AptPackage[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const fields = new Map([...stanza.matchAll(/^([A-Za-z0-9-]+): (.*)$/gm)].map(([, key, value]) => [key!, value!]))
    const [name, version, architecture, sha256, path] = [
      'Package',
      'Version',
      'Architecture',
      'SHA256',
      'Filename',
    ].map((key) => fields.get(key))
    if (!name || !version || !architecture || !sha256 || !/^[0-9a-f]+$/.test(sha256) || !path) return []
    const [, source = name, sourceVersion = version.replace(/\+b\d+$/, '')] =
      /^(\S+)(?: \((\S+)\))?$/.exec(fields.get('Source') ?? name) ?? []
    const builtUsing = [...(fields.get('Built-Using') ?? '').matchAll(/(\S+) \(= ?([^)\s]+)\)/g)].map(
      ([, from, at]) => [from!, at!] as const,
    )
    const depends = [fields.get('Pre-Depends'), fields.get('Depends')]
      .flatMap((text) => text?.split(/, */) ?? [])
      .map((one) => /^[a-z0-9.+-]+/.exec(one)?.[0] ?? '')
    return [
      {
        name,
        version,
        architecture,
        sha256,
        path,
        source: { name: source, version: sourceVersion },
        builtUsing: new Map(builtUsing),
        depends,
      },
    ]
  })
}

/** An index of packages that single ones are read from. */
export interface PackageTable {
  /** Every version of a package of one of the architectures, newest first. */
  versions(name: string, architectures: readonly string[]): AptPackage[]
}

const START = Buffer.from('Package: ')
const GAP = Buffer.from('\n\n')
const NEWLINE = 0x0a

/** Finds where each package is in the texts of indexes; only those that are asked for are parsed. */
export function tableOf(texts: readonly Buffer[]): PackageTable {
  const places = new Map<string, [text: Buffer, from: number, to: number][]>()
  for (const text of texts) {
    for (let from = 0; from < text.length; ) {
      const gap = text.indexOf(GAP, from)
      const to = gap < 0 ? text.length : gap
      if (text.subarray(from, from + START.length).equals(START)) {
        const end = text.indexOf(NEWLINE, from)
        const name = text.toString('latin1', from + START.length, end < 0 || end > to ? to : end)
        const known = places.get(name)
        if (known) known.push([text, from, to])
        else places.set(name, [[text, from, to]])
      }
      for (from = to; text[from] === NEWLINE; ) from++
    }
  }
  return {
    versions: (name, architectures) =>
      (places.get(name) ?? [])
        .flatMap(([text, from, to]) => parseStanzas(text.toString('utf8', from, to)))
        .filter((one) => one.name === name && architectures.includes(one.architecture))
        .toSorted((a, b) => compareVersions(b.version, a.version)),
  }
}
