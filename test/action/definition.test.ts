import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '../..')
const text = readFileSync(join(root, 'action.yml'), 'utf8')
const definition = parse(text) as {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>
  readonly outputs: Readonly<Record<string, object>>
}

/** What the metadata of a JavaScript action holds. */
const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'description', 'runs'],
  properties: {
    name: { type: 'string' },
    author: { type: 'string' },
    description: { type: 'string', maxLength: 200 },
    branding: {
      type: 'object',
      additionalProperties: false,
      properties: {
        icon: { type: 'string' },
        color: { enum: ['white', 'black', 'yellow', 'blue', 'green', 'orange', 'red', 'purple', 'gray-dark'] },
      },
    },
    inputs: {
      type: 'object',
      propertyNames: { pattern: '^[a-z][a-z-]*$' },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['description', 'required'],
        properties: { description: { type: 'string' }, required: { const: false }, default: { type: 'string' } },
      },
    },
    outputs: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['description'],
        properties: { description: { type: 'string' } },
      },
    },
    runs: {
      type: 'object',
      additionalProperties: false,
      required: ['using', 'main', 'post'],
      properties: {
        using: { const: 'node24' },
        main: { const: 'dist/action/main.cjs' },
        post: { const: 'dist/action/post.cjs' },
      },
    },
  },
}

/** As docker/build-push-action documents them. */
const BUILD_PUSH_INPUTS =
  'add-hosts allow annotations attests build-args build-contexts builder cache-from cache-to call cgroup-parent context file labels load network no-cache no-cache-filters outputs platforms provenance pull push sbom secrets secret-envs secret-files shm-size ssh tags target ulimit github-token'
/** As docker/bake-action documents them. */
const BAKE_INPUTS =
  'builder allow call files no-cache pull load provenance push sbom set source targets vars github-token'

describe('action.yml', () => {
  test('is what a runner takes', () => {
    const validate = new Ajv().compile(SCHEMA)
    expect(validate(definition), JSON.stringify(validate.errors)).toBe(true)
  })

  test('has every input of build-push-action and bake-action, with their defaults', () => {
    for (const name of `${BUILD_PUSH_INPUTS} ${BAKE_INPUTS}`.split(' '))
      expect(definition.inputs).toHaveProperty([name])
    const defaults = Object.entries(definition.inputs).flatMap(([name, { default: value }]) =>
      value === undefined ? [] : [[name, value]],
    )
    expect(Object.fromEntries(defaults)).toEqual({
      load: 'false',
      'no-cache': 'false',
      pull: 'false',
      push: 'false',
      'github-token': '${{ github.token }}',
      rootless: 'false',
      'keep-state': 'false',
      cleanup: 'true',
    })
  })

  test('has every output of build-push-action, and ours', () => {
    expect(Object.keys(definition.outputs)).toEqual(['imageid', 'digest', 'metadata', 'digests', 'plan'])
  })

  test('each input is read by the action, and none other', () => {
    const folder = join(root, 'src/action')
    const source = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n')
    const names = [...source.matchAll(/(?:text|list|bool)Input\(\s*env,\s*'([a-z-]+)'/g)].map(([, name]) => name!)
    const others = ['cleanup']
    expect([...new Set([...names, ...others])].sort()).toEqual(Object.keys(definition.inputs).sort())
  })
})
