import { compact } from '../compact.ts'
import { evaluateStage } from '../dockerfile/evaluate.ts'
import { layerHistory } from '../dockerfile/history.ts'
import { checkSupported } from '../dockerfile/supported.ts'
import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { scratchConfig } from '../oci/make-image-config.ts'
import type { HistoryEntry } from '../oci/manifest.ts'
import { formatPlatform } from '../platform.ts'
import { serve } from './intern.ts'
import type { Lowered, LoweredStage, LowerOptions, StageEdges } from './lowered.ts'
import { imageVertex, scratchVertex } from './source-vertex.ts'
import { filesVertex, labelOf, stepVertex } from './step-vertex.ts'
import type { Vertex } from './vertex.ts'

/**
 * Turns a platform's stage graph into vertices; pure. `table` is filled: equal work that is there already is taken
 * from it.
 */
export function lower(graph: StageGraph, { fresh = [], ...options }: LowerOptions): Lowered {
  const done = new Map<number, LoweredStage>()
  const target = formatPlatform(graph.target)
  for (const stage of graph.stages)
    done.set(
      stage.index,
      lowerStage(stage, {
        ...options,
        done,
        target,
        fresh: fresh === 'all' ? fresh : fresh.map((name) => name.toLowerCase()),
      }),
    )
  const evaluations = new Map([...done].map(([index, { evaluated }]) => [index, evaluated]))
  const vertices = new Map([...done].map(([index, { own }]) => [index, own]))
  return {
    ...done.get(graph.targetStage)!,
    diagnostics: [...done.values()].flatMap(({ diagnostics }) => diagnostics),
    evaluations,
    vertices,
  }
}

function lowerStage(stage: GraphStage, edges: StageEdges): LoweredStage {
  const { done, target } = edges
  const image =
    stage.base.kind === 'image' || stage.base.kind === 'context' ? edges.imageFor(stage.base, stage) : undefined
  const own = stage.base.kind === 'stage' ? done.get(stage.base.index)! : undefined
  // An image of the session is built on as a stage is, but its ARGs are its own
  const parent = own ?? (image && 'kind' in image && image.kind === 'built' ? image.lowered : undefined)
  if (parent && !own) serve(parent.vertex, edges)
  const resolved = image && !('kind' in image) ? image : undefined
  const files = image && 'kind' in image && image.kind !== 'built' ? image : undefined
  const evaluated = evaluateStage(stage, {
    config: parent?.config ?? resolved?.config.config ?? scratchConfig(stage.platform),
    ...compact({ args: own?.evaluated.args }),
  })
  const steps = evaluated.steps.filter((step) => step.kind !== 'meta').length
  const label = labelOf(stage, target)
  const first = (name: string) => `[${label} 1/${steps + 1}] FROM ${name}`
  let vertex =
    parent?.vertex ??
    (files
      ? filesVertex(files, { stage, name: first(files.name), edges })
      : resolved
        ? imageVertex(resolved, first(resolved.name), edges)
        : scratchVertex(edges))
  // A context that is no image has no past: its files are the first layer
  const history: { entry: HistoryEntry; vertex?: Vertex }[] = files
    ? [{ entry: layerHistory(`FROM ${files.name}`), ...(vertex.kind === 'copy' ? { vertex } : {}) }]
    : [...(parent?.history ?? [])]
  const added: string[] = []
  let number = 1
  for (const step of evaluated.steps) {
    if (step.kind === 'meta') {
      history.push({ entry: step.history })
      continue
    }
    number += 1
    vertex = stepVertex(step, { parent: vertex, stage, name: `[${label} ${number}/${steps + 1}] ${step.text}`, edges })
    history.push({ entry: step.history, vertex })
    added.push(vertex.id)
  }
  const author = evaluated.author ?? parent?.author
  return {
    vertex,
    base: parent ? parent.base : resolved?.config,
    config: evaluated.config,
    ...(author ? { author } : {}),
    history,
    diagnostics: [...evaluated.diagnostics, ...checkSupported(evaluated)],
    evaluated,
    own: added,
  }
}
