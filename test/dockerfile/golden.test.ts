import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { evaluateStage } from '../../src/dockerfile/evaluate.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { checkSupported } from '../../src/dockerfile/supported.ts'
import type { EvaluatedStage } from '../../src/dockerfile/types.ts'
import { parsePlatform } from '../../src/platform.ts'

const folder = join(import.meta.dirname, '../fixtures/dockerfiles')

/**
 * Everything that is made of a Dockerfile for linux/arm64 on linux/amd64; bases from a registry have an empty config.
 */
function evaluateAll(text: string) {
  const { dockerfile } = parseDockerfile(text, { file: 'Dockerfile' })
  const { graph, diagnostics } = buildStageGraph(dockerfile, {
    target: parsePlatform('linux/arm64'),
    buildPlatform: parsePlatform('linux/amd64'),
    buildArgs: {},
    namedContexts: [],
  })
  const done = new Map<number, EvaluatedStage>()
  for (const stage of graph.stages) {
    const parent = stage.base.kind === 'stage' ? done.get(stage.base.index)! : undefined
    done.set(stage.index, evaluateStage(stage, parent ? { config: parent.config, args: parent.args } : { config: {} }))
  }
  const stages = graph.stages.map(({ index, name, platform, base, froms, needs }) => {
    const evaluated = done.get(index)!
    return { index, name, platform, base, froms, needs, ...evaluated, unsupported: checkSupported(evaluated) }
  })
  return { target: graph.targetStage, diagnostics, stages }
}

describe.each(readdirSync(folder))('%s', (name) => {
  const text = readFileSync(join(folder, name, 'Dockerfile'), 'utf8')

  test('parses to ast.json', async () => {
    const json = JSON.stringify(parseDockerfile(text, { file: 'Dockerfile' }), null, 2)
    await expect(`${json}\n`).toMatchFileSnapshot(join(folder, name, 'ast.json'))
  })

  // A Dockerfile with errors has nothing to evaluate.
  if (parseDockerfile(text, { file: 'Dockerfile' }).diagnostics.some(({ severity }) => severity === 'error')) return
  test('evaluates to steps.json', async () => {
    const json = JSON.stringify(evaluateAll(text), null, 2)
    await expect(`${json}\n`).toMatchFileSnapshot(join(folder, name, 'steps.json'))
  })
})
