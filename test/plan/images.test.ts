import { expect, test } from 'vitest'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { XbuildError } from '../../src/errors.ts'
import { planImages, type SessionInput } from '../../src/plan/images.ts'
import type { TargetFacts } from '../../src/plan/plan.ts'
import type { Job, Node } from '../../src/plan/types.ts'
import { formatPlatform, parsePlatform } from '../../src/platform.ts'

const amd64 = parsePlatform('linux/amd64')
const here: Node = { name: 'here', endpoint: 'local', driver: 'embedded', native: [amd64], emulated: [], slots: 1 }
const there: Node = { ...here, name: 'there', endpoint: 'tcp://there', driver: 'buildkit' }

/** One image of a session; `on` is what its contexts are, like `{ parent: 'base' }`. */
function image(
  name: string,
  {
    dockerfile = 'FROM scratch\nRUN ["true"]\n',
    platforms = ['linux/amd64'],
    nodes = [here],
    on = {},
    read = platforms[0]!,
  }: {
    dockerfile?: string
    platforms?: readonly string[]
    nodes?: readonly Node[]
    on?: Readonly<Record<string, string>>
    read?: string
  } = {},
): SessionInput['images'][number] {
  const parsed = parseDockerfile(dockerfile, { file: `${name}.dockerfile` }).dockerfile
  const graphs = platforms.map(
    (platform) =>
      buildStageGraph(parsed, {
        target: parsePlatform(platform),
        buildPlatform: amd64,
        buildArgs: {},
        namedContexts: Object.keys(on),
      }).graph,
  )
  const needs = Object.entries(on).map(([context, other]) => ({ context, image: other, platform: parsePlatform(read) }))
  const targets = platforms.map(
    (platform): TargetFacts => ({
      platform: parsePlatform(platform),
      variant: name,
      overrides: [],
      optional: false,
      needs,
    }),
  )
  return { name, dockerfile: parsed.file, buildPlatform: amd64, graphs, nodes, targets }
}

const plan = (...images: SessionInput['images']) => planImages({ buildPlatform: amd64, images })
const place = (job: Job) => [job.id, job.decision.strategy.node]

test('equal BuildKit nodes share the images of a session by their slots', () => {
  const [one, two] = [there, { ...there, name: 'two', slots: 2 }]
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const { plan: found } = plan(...names.map((name) => image(name, { nodes: [one, two] })))
  const taken = found.jobs.map(({ decision }) => decision.strategy.node)
  expect(taken.filter((name) => name === 'there')).toHaveLength(2)
  expect(taken.filter((name) => name === 'two')).toHaveLength(4)
})

test('nodes share the work of all images', () => {
  const nodes = [here, there]
  const { plan: found } = plan(
    image('a', { nodes }),
    image('b', { nodes }),
    image('c', { nodes }),
    image('d', { nodes }),
  )
  expect(found.jobs.map(place)).toEqual([
    ['a linux/amd64', 'here'],
    ['b linux/amd64', 'there'],
    ['c linux/amd64', 'here'],
    ['d linux/amd64', 'there'],
  ])
})

test('an image goes only to nodes that may build it', () => {
  const { plan: found } = plan(image('a', { nodes: [there] }), image('b', { nodes: [there] }), image('c'))
  expect(found.jobs.map(place).map(([, node]) => node)).toEqual(['there', 'there', 'here'])
})

test('what an image is made from comes first, whatever was asked for first', () => {
  const top = { dockerfile: 'FROM parent\nRUN ["true"]\n', on: { parent: 'base' } }
  const { plan: found } = plan(image('top', top), image('base'))
  expect(found.jobs.map(({ id, needs }) => [id, needs])).toEqual([
    ['base linux/amd64', []],
    ['top linux/amd64', ['base linux/amd64']],
  ])
  expect(found.jobs[1]).toMatchObject({ contexts: { parent: 'base linux/amd64' } })
  expect(found.images?.map(({ name }) => name)).toEqual(['top', 'base'])
})

test('a context of another platform than the image is not handed to a node as if it were of the same', () => {
  const platforms = ['linux/amd64', 'linux/386']
  const dockerfile = 'FROM parent\n'
  const { plan: found } = plan(
    image('base', { dockerfile: 'FROM scratch\n', platforms }),
    image('top', { dockerfile, platforms: ['linux/386'], on: { parent: 'base' }, read: 'linux/amd64' }),
  )
  const top = found.jobs.find(({ image: name }) => name === 'top')!
  expect(top.needs).toEqual(['base linux/amd64'])
  expect(top).not.toHaveProperty('contexts')
})

test('an image that fails takes those with it that are made from it, and no others', () => {
  const on = (parent: string) => ({ dockerfile: 'FROM parent\n', on: { parent } })
  const { plan: found, errors } = plan(
    image('last', on('top')),
    image('top', on('base')),
    { name: 'base', error: new XbuildError('NOT_FOUND', 'Cannot read it') },
    image('good'),
    image('foreign', { platforms: ['linux/riscv64'] }),
  )
  expect([...errors].map(([name, { code, message }]) => [name, code, message])).toEqual([
    ['base', 'NOT_FOUND', 'Cannot read it'],
    ['foreign', 'NO_NODE', expect.stringContaining('linux/riscv64')],
    ['top', 'NOT_FOUND', 'Cannot use "target:base": Cannot read it'],
    ['last', 'NOT_FOUND', 'Cannot use "target:top": Cannot use "target:base": Cannot read it'],
  ])
  expect(found.jobs.map(({ image: name }) => name)).toEqual(['good'])
  expect(found.images?.filter(({ error }) => !error).map(({ name }) => name)).toEqual(['good'])
  expect(found.platforms.map(formatPlatform)).toEqual(['linux/amd64'])
})
