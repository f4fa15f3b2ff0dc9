import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { openWorkflowSchema } from '../support/workflow-schema.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const WORKFLOWS = [
  ...readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`),
  'examples/ci/github.yml',
  'examples/ci/forgejo.yml',
]
let problems: ReturnType<typeof openWorkflowSchema>
beforeAll(() => {
  problems = openWorkflowSchema()
})

describe('the schema of GitHub', () => {
  test.each(WORKFLOWS)('%s is a workflow', async (path) => {
    expect(await problems('workflow', path, read(path))).toEqual([])
  })

  test('action.yml is an action', async () => {
    expect(await problems('action', 'action.yml', read('action.yml'))).toEqual([])
  })

  test.each<[what: string, kind: 'workflow' | 'action', from: string, to: string, found: string]>([
    ['a key that is unknown', 'workflow', 'timeout-minutes:', 'timeout-minuten:', "Unexpected value 'timeout-minuten'"],
    ['a name that is unknown', 'workflow', 'inputs.version', 'input.version', "Unrecognized named-value: 'input'"],
    ['a job that is not there', 'workflow', 'needs: plan', 'needs: plans', "depends on unknown job 'plans'"],
    ['a key of an action', 'action', 'branding:', 'brandings:', "Unexpected value 'brandings'"],
  ])('it knows %s', async (_, kind, from, to, found) => {
    const path = kind === 'workflow' ? '.github/workflows/xbuild.yml' : 'action.yml'
    expect((await problems(kind, path, read(path).replace(from, to))).join('\n')).toContain(found)
  })
})

/** What a job of GitLab has in our example; its own schema is on no registry of packages. */
const GITLAB = {
  type: 'object',
  required: ['stages'],
  properties: {
    stages: { type: 'array', items: { type: 'string' } },
    variables: { type: 'object' },
    default: { type: 'object' },
  },
  additionalProperties: {
    type: 'object',
    required: ['script'],
    additionalProperties: false,
    properties: {
      stage: { type: 'string' },
      image: { type: ['string', 'object'] },
      extends: { type: ['string', 'array'] },
      needs: { type: 'array' },
      tags: { type: 'array', items: { type: 'string' } },
      variables: { type: 'object' },
      before_script: { type: 'array', items: { type: 'string' } },
      script: { type: 'array', items: { type: 'string' } },
      artifacts: { type: 'object' },
      parallel: { type: ['object', 'integer'] },
      services: { type: 'array' },
      rules: { type: 'array' },
    },
  },
}

test('the example of GitLab has jobs with keys that are known, in stages that are there', () => {
  const config = parse(read('examples/ci/gitlab-ci.yml')) as Record<string, { stage?: string }> & { stages: string[] }
  const validate = new Ajv({ allowUnionTypes: true }).compile(GITLAB)
  expect(validate(config), JSON.stringify(validate.errors)).toBe(true)
  const { stages, variables: _, default: __, ...jobs } = config
  for (const { stage } of Object.values(jobs)) if (stage !== undefined) expect(stages).toContain(stage)
})

test('the scripts of all workflows and examples are shell', () => {
  type Step = { run?: string; script?: string[]; command?: string; commands?: string[] }
  const stepsOf = (path: string): Step[] => {
    const file = parse(read(path)) as { jobs?: Record<string, { steps: Step[] }>; steps?: Step[] }
    if (file.jobs) return Object.values(file.jobs).flatMap(({ steps }) => steps)
    return file.steps ?? Object.values(file as Record<string, Step>)
  }
  const scripts = [...WORKFLOWS, 'examples/ci/gitlab-ci.yml', 'examples/ci/buildkite.yml'].flatMap((path) =>
    stepsOf(path).flatMap(
      ({ run, script, command, commands }) => run ?? (script ?? commands)?.join('\n') ?? command ?? [],
    ),
  )
  expect(scripts.length).toBeGreaterThan(20)
  for (const script of scripts) execFileSync('bash', ['-n'], { input: script.replaceAll(/\$\{\{.*?\}\}/g, 'x') })
})
