import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { readProgram } from '../../../src/emulation/packs/sibling/node-files.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { dynamicElf } from '../../support/dynamic-elf.ts'

const LIBRARIES = { target: 'usr/lib/aarch64-linux-gnu', host: 'usr/lib/x86_64-linux-gnu' }
const triples = { target: 'aarch64-linux-gnu', host: 'x86_64-linux-gnu' }
const NODE = 'usr/local/bin/node'

/** Two layers of an image and its sibling: libraries in the lower one, Node in the upper. */
function images(
  change: (place: (layer: number, side: 'target' | 'sibling', path: string) => string) => void = () => {},
) {
  const root = tempFolder()
  const place = (layer: number, side: string, path: string) => {
    const file = join(root, String(layer), side, path)
    mkdirSync(dirname(file), { recursive: true })
    return file
  }
  const elf = (file: string, needed: readonly string[], interpreter?: string) =>
    writeFileSync(file, dynamicElf({ needed, interpreter, id: Buffer.from(file.slice(-20).padStart(20)) }))
  for (const [side, folder, loader] of [
    ['target', LIBRARIES.target, 'ld-linux-aarch64.so.1'],
    ['sibling', LIBRARIES.host, 'ld-linux-x86-64.so.2'],
  ] as const) {
    elf(place(0, side, `${folder}/libstdc++.so.6.0.33`), ['libc.so.6'])
    symlinkSync('libstdc++.so.6.0.33', place(0, side, `${folder}/libstdc++.so.6`))
    elf(place(0, side, `${folder}/libc.so.6`), [loader])
    elf(place(0, side, `${folder}/${loader}`), [])
    elf(place(1, side, NODE), ['libstdc++.so.6', loader], `/lib/${loader}`)
  }
  change(place)
  const folders = (layer: number) => ({ target: place(layer, 'target', '.'), sibling: place(layer, 'sibling', '.') })
  return {
    layerWith: (path: string) => [1, 0].find((layer) => existsIn(folders(layer).target, path)),
    layer: async (layer: number) => ({ ...folders(layer), layer: `sha256:${layer}` }),
    run: () => Promise.reject(new Error('nothing is run')),
  }
}

const existsIn = (folder: string, path: string) => existsSync(join(folder, path))
const read = (of: ReturnType<typeof images>) =>
  readProgram(of, { paths: [NODE, 'usr/bin/node'], triples, signal: new AbortController().signal })

test('program, loader and libraries come from the layers in which the image has its own', async () => {
  const found = await read(images())
  expect({ ...found, bytes: undefined, loader: undefined, libraries: [...found.libraries.keys()] }).toMatchObject({
    path: `/${NODE}`,
    libraries: ['libstdc++.so.6', 'libc.so.6'],
    layer: 'sha256:1',
    layers: [0, 1],
  })
  expect(found.id).toMatch(/^[0-9a-f]{40}$/)
})

test('what is not in both images, or leads elsewhere, is refused', async () => {
  const messages = await Promise.all(
    [
      images((place) => writeFileSync(place(1, 'sibling', NODE), 'a script')),
      images((place) =>
        writeFileSync(
          place(1, 'sibling', NODE),
          dynamicElf({ needed: ['libgone.so.1'], interpreter: '/lib64/ld-linux-x86-64.so.2', id: Buffer.alloc(20, 1) }),
        ),
      ),
      images((place) =>
        writeFileSync(
          place(1, 'sibling', NODE),
          dynamicElf({ needed: [], interpreter: '/lib/ld-musl-x86_64.so.1', id: Buffer.alloc(20, 1) }),
        ),
      ),
      images((place) => {
        symlinkSync('/etc/passwd', place(0, 'sibling', `${LIBRARIES.host}/libleads.so.1`))
        writeFileSync(place(0, 'target', `${LIBRARIES.target}/libleads.so.1`), '')
        writeFileSync(
          place(1, 'sibling', NODE),
          dynamicElf({
            needed: ['libleads.so.1'],
            interpreter: '/lib64/ld-linux-x86-64.so.2',
            id: Buffer.alloc(20, 1),
          }),
        )
      }),
    ].map((one) =>
      read(one).then(
        () => 'read',
        (error: Error) => error.message.replace(/^.*sibling: /, ''),
      ),
    ),
  )
  expect(messages).toEqual([
    `"/${NODE}" is not a program with a build-id in both images`,
    'the library libgone.so.1 is not where the image has it',
    'it is not linked with the GNU C library',
    'the library libleads.so.1 is not where the image has it',
  ])
})
