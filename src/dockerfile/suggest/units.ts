import type { Dockerfile, Stage, StageGraph } from '../types.ts'
import { mountFrom, parseMount } from '../mount.ts'
import { runsOf, valuesOf, type Taken, type Unit, type UnitRun } from './unit.ts'

/** What of a file's stages belongs together. */
export interface Units {
  readonly all: readonly Unit[]
  readonly of: (stage: Stage) => Unit
  /** The stages that a stage is built from, the nearest first. */
  readonly parents: (stage: Stage) => readonly Stage[]
}

/** Sorts stages by the image that they come from in the end. `graph` holds every stage. */
export function unitsOf(
  dockerfile: Dockerfile,
  { lines, graph }: { lines: readonly string[]; graph: StageGraph },
): Units {
  const {
    stages,
    directives: { escape },
  } = dockerfile
  const bases = new Map(graph.stages.map(({ index, base }) => [index, base]))
  const parentOf = ({ index }: Stage): Stage | undefined => {
    const base = bases.get(index)
    return base?.kind === 'stage' ? stages[base.index] : undefined
  }
  const roots = new Map<Stage, Stage>()
  const ends = new Map<Stage, string>()
  const runs = new Map<Stage, readonly UnitRun[]>()
  for (const stage of stages) {
    const parent = parentOf(stage)
    roots.set(stage, parent ? roots.get(parent)! : stage)
    const found = runsOf(stage, { lines, escape, workdir: parent ? ends.get(parent)! : '/' })
    ends.set(stage, found.workdir)
    runs.set(stage, found.runs)
  }
  const taken = takenFrom(dockerfile, graph)
  const members = new Map<Stage, Stage[]>()
  for (const stage of stages) {
    const root = roots.get(stage)!
    const known = members.get(root)
    if (known) known.push(stage)
    else members.set(root, [stage])
  }
  const all = [...members].map(([root, own]): Unit => {
    const ownRuns = own.flatMap((stage) => runs.get(stage)!)
    const outside = own.flatMap((stage) => (taken.get(stage) ?? []).filter(({ by }) => roots.get(by) !== root))
    return {
      root,
      stages: own,
      runs: ownRuns,
      commands: ownRuns.flatMap(({ commands }) => commands),
      values: valuesOf(own),
      taken: outside,
    }
  })
  const byRoot = new Map(all.map((unit) => [unit.root, unit]))
  function parents(stage: Stage): Stage[] {
    const found: Stage[] = []
    for (let parent = parentOf(stage); parent; parent = parentOf(parent)) found.push(parent)
    return found
  }
  return { all, of: (stage) => byRoot.get(roots.get(stage)!)!, parents }
}

function takenFrom({ stages }: Dockerfile, graph: StageGraph): Map<Stage, (Taken & { readonly by: Stage })[]> {
  const taken = new Map<Stage, (Taken & { readonly by: Stage })[]>()
  for (const { stage: by, froms } of graph.stages) {
    const add = (from: string, path: string, line: number): void => {
      const source = froms[from]
      if (source?.kind !== 'stage') return
      const stage = stages[source.index]!
      const known = taken.get(stage)
      if (known) known.push({ path, line, by })
      else taken.set(stage, [{ path, line, by }])
    }
    for (const instruction of by.instructions) {
      const { line } = instruction.at
      if (instruction.kind === 'copy' && instruction.from !== undefined)
        for (const path of instruction.sources) add(instruction.from, path, line)
      if (instruction.kind !== 'run') continue
      for (const mount of instruction.mounts) {
        const from = mountFrom(mount)
        const fields = parseMount(mount).fields
        if (from !== undefined)
          add(from, fields.findLast(({ key }) => key === 'source' || key === 'src')?.value ?? '/', line)
      }
    }
  }
  return taken
}
