import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { BuildInputs } from '../../content/build-inputs.ts'
import type { FolderSource } from '../../content/sources.ts'
import type { LowerOptions, VertexTable } from '../../engine/lowered.ts'
import { sourceVertex } from '../../engine/source-vertex.ts'
import type { RunScope, Vertex } from '../../engine/vertex.ts'
import type { TargetBuild } from '../target.ts'
import { containerOf } from './container-of.ts'

/** What targets are lowered with: one table of vertices for all of them, and one scope of RUN steps an image. */
export interface Lowering {
  readonly table: VertexTable
  optionsFor(target: TargetBuild): Omit<LowerOptions, 'imageFor'>
}

/** Nothing is lowered yet. `inputsOf` gives the secrets and agents of an image. */
export function createLowering(inputsOf: (image: string | undefined) => BuildInputs): Lowering {
  const table: VertexTable = new Map()
  const scopes = new Map<string | undefined, RunScope>()
  return {
    table,
    optionsFor(target) {
      const { image, options: own } = target
      const scope = scopes.get(image) ?? { container: containerOf(own), inputs: inputsOf(image) }
      scopes.set(image, scope)
      return { table, image, scope, context: contextOf(target, table), fresh: own.noCache ? 'all' : own.noCacheFilter }
    },
  }
}

function contextOf({ file, main, options: { cwd, context } }: TargetBuild, table: VertexTable): Vertex | FolderSource {
  if (main.source) return sourceVertex(main.source, { byUser: main.byUser, table })
  // A name that is not there would make one folder another context for every Dockerfile
  const ignoreFile = file.path === undefined ? undefined : `${file.path}.dockerignore`
  return {
    kind: 'folder',
    path: resolve(cwd, context),
    ...(ignoreFile !== undefined && existsSync(ignoreFile) ? { ignoreFile } : {}),
  }
}
