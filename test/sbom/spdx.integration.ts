import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { apkPackages, dpkgPackages } from '../../src/sbom/distributions.ts'
import { packagesOf } from '../../src/sbom/image-packages.ts'
import { npmPackages, pythonPackages } from '../../src/sbom/languages.ts'
import { rpmPackages } from '../../src/sbom/rpm.ts'
import { spdxDocument } from '../../src/sbom/spdx.ts'
import type { Package, Release } from '../../src/sbom/types.ts'
import { parsePurl } from './support/parse-purl.ts'

/** Fields of an object that has no others; those whose name ends in `?` may be left out. */
function fields(all: Readonly<Record<string, object>>) {
  const names = Object.keys(all)
  return {
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(names.map((name) => [name.replace('?', ''), all[name]])),
  }
}
const text = { type: 'string', minLength: 1 }
const matching = (pattern: string) => ({ type: 'string', pattern })
const oneOf = (...values: string[]) => ({ enum: values })
const list = (items: object, minItems = 0) => ({ type: 'array', minItems, items })

/** An element's name in a document (section 6.3 and others). */
const ID = matching('^SPDXRef-[A-Za-z0-9.-]+$')
const LICENSE = matching('^(?:NONE|NOASSERTION|[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*)$')
/** The rules of SPDX 2.3 for what xbuild writes: clauses 6, 7 and 11, annexes D and F, and the JSON form of names. */
const RULES = fields({
  spdxVersion: { const: 'SPDX-2.3' },
  dataLicense: { const: 'CC0-1.0' },
  SPDXID: { const: 'SPDXRef-DOCUMENT' },
  name: text,
  documentNamespace: matching('^[a-z][a-z0-9+.-]*:[^#\\s]+$'),
  creationInfo: fields({
    created: matching('^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$'),
    creators: list(matching('^(?:Person|Organization|Tool): \\S.*$'), 1),
  }),
  'comment?': text,
  packages: list(
    fields({
      SPDXID: ID,
      name: text,
      'versionInfo?': text,
      downloadLocation: matching('^(?:NONE|NOASSERTION|[a-z][a-z0-9+.-]*:\\S+)$'),
      filesAnalyzed: { const: false },
      'licenseConcluded?': LICENSE,
      'licenseDeclared?': LICENSE,
      'licenseComments?': text,
      copyrightText: text,
      'primaryPackagePurpose?': oneOf('APPLICATION', 'FRAMEWORK', 'LIBRARY', 'CONTAINER', 'OPERATING_SYSTEM', 'FILE'),
      'checksums?': list(
        fields({
          algorithm: oneOf('SHA1', 'SHA256', 'SHA384', 'SHA512'),
          checksumValue: matching('^[0-9a-f]{40,128}$'),
        }),
      ),
      'sourceInfo?': text,
      'externalRefs?': list(
        fields({
          referenceCategory: oneOf('OTHER', 'PERSISTENT-ID', 'SECURITY', 'PACKAGE-MANAGER'),
          referenceType: text,
          referenceLocator: matching('^\\S+$'),
        }),
      ),
      'comment?': text,
    }),
    1,
  ),
  relationships: list(
    fields({ spdxElementId: ID, relatedSpdxElement: ID, relationshipType: oneOf('DESCRIBES', 'CONTAINS') }),
    1,
  ),
})

interface Written {
  readonly packages: readonly {
    readonly SPDXID: string
    readonly name: string
    readonly versionInfo: string
    readonly externalRefs?: readonly { readonly referenceLocator: string }[]
  }[]
  readonly relationships: readonly {
    readonly spdxElementId: string
    readonly relatedSpdxElement: string
    readonly relationshipType: string
  }[]
}

function documentOf(packages: readonly Package[], release?: Release): Written {
  const none = { links: [], hardlinks: [], removed: [], opaque: [] }
  const found = [
    ...packages.map((one, index) => ({ path: `with space/${index}`, packages: [one] })),
    ...(release ? [{ path: 'etc/os-release', release }] : []),
    { path: 'var/lib/rpm/Packages', unread: true as const },
  ]
  const about = { name: 'example.com/app:1', digest: `sha256:${'ab'.repeat(32)}`, platform: 'linux/arm64' }
  return spdxDocument(packagesOf([{ ...none, found }]), {
    ...about,
    version: '1.0.0',
    created: new Date(1e12),
  }) as Written
}

const HARD = '!\'()*~ +%/?#&=@:;,"<>\\ü漢'
const go = (name: string, version: string): Package => ({ ecosystem: 'golang', name, version })
const database = () => gunzipSync(readFileSync(join(import.meta.dirname, '../fixtures/sbom/rpmdb.sqlite.gz')))
const CASES: readonly [what: string, packages: () => readonly Package[], release?: Release][] = [
  ['nothing', () => []],
  [
    'dpkg',
    () =>
      dpkgPackages(
        'Package: libstdc++6\nStatus: install ok installed\nSource: gcc-14 (14.2.0-19)\nArchitecture: arm64\nVersion: 1:2~rc1+b1\n',
      ),
    { id: 'debian', version: '13' },
  ],
  [
    'apk',
    () => apkPackages('P:.build-deps\nV:20240101.1\nA:x86_64\nL:MIT AND (BSD-3-Clause OR ISC)\no:x\n\n'),
    { id: 'alpine' },
  ],
  ['rpm', () => rpmPackages(database()).packages ?? [], { id: 'rocky', version: '9.4' }],
  [
    'npm',
    () =>
      [
        '{"name":"@a/b","version":"1.0.0-x+y","license":"MIT"}',
        '{"name":"c","version":"1","license":"SEE LICENSE IN x"}',
      ].flatMap(npmPackages),
  ],
  [
    'Python',
    () =>
      pythonPackages(
        'Metadata-Version: 2.4\nName: Zope_Interface\nVersion: 1!2.0+local\nLicense-Expression: MIT OR Apache-2.0\n',
      ),
  ],
  [
    'Go',
    () => [
      go('stdlib', '1.24.4'),
      go('github.com/Azure/azure-sdk-for-go', 'v1.0.0+incompatible'),
      go('example.com/app', '(devel)'),
    ],
  ],
  [
    'texts that are hard to write in a URL',
    () =>
      (['deb', 'apk', 'rpm', 'npm', 'pypi', 'golang'] as const).map((ecosystem) => ({
        ecosystem,
        name: HARD,
        version: HARD,
        architecture: HARD,
        source: HARD,
        license: HARD,
      })),
    { id: 'x', version: HARD },
  ],
]

test.each(CASES)('the document follows SPDX 2.3: %s', (_, packages, release) => {
  const document = documentOf(packages(), release)
  const validate = new Ajv({ allErrors: true, strict: true }).compile(RULES)
  expect(validate(document), JSON.stringify(validate.errors)).toBe(true)
  const ids = new Set(['SPDXRef-DOCUMENT', ...document.packages.map(({ SPDXID }) => SPDXID)])
  expect(ids.size).toBe(document.packages.length + 1)
  for (const { spdxElementId, relatedSpdxElement } of document.relationships)
    expect([spdxElementId, relatedSpdxElement].every((id) => ids.has(id))).toBe(true)
  expect(document.relationships.filter(({ relationshipType }) => relationshipType === 'DESCRIBES')).toHaveLength(1)
})

test.each(CASES)('package URLs say the package, in their canonical form: %s', (_, packages, release) => {
  const all = packages()
  const [, ...written] = documentOf(all, release).packages
  expect(written).toHaveLength(all.length)
  for (const { name, versionInfo, externalRefs } of written) {
    const url = externalRefs![0]!.referenceLocator
    const parsed = parsePurl(url)
    expect(parsed.canonical).toBe(url)
    const namespace = release && ['deb', 'apk', 'rpm'].includes(parsed.type) ? `${release.id}/` : ''
    const epoch = parsed.qualifiers['epoch']
    expect(`${namespace}${name}`).toBe([...parsed.namespace, parsed.name].join('/'))
    expect(versionInfo).toBe(epoch === undefined ? parsed.version : `${epoch}:${parsed.version}`)
    if (namespace) expect(parsed.qualifiers['distro']).toBe([release!.id, release!.version].filter(Boolean).join('-'))
  }
})
