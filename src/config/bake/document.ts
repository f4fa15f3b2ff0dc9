import type { Attribute, Block, Body, Place } from './hcl/ast.ts'
import { parseHcl } from './hcl/body.ts'
import { HclError } from './hcl/error.ts'
import { type BlockTypes, parseJson } from './hcl/json.ts'

/** A bake file as it was read. */
export interface BakeFile {
  readonly name: string
  readonly text: string
}

/** What files define, in their order; of variables, functions and attributes the last of a name counts. */
export interface Document {
  readonly variables: ReadonlyMap<string, Block>
  readonly functions: ReadonlyMap<string, Block>
  readonly attributes: ReadonlyMap<string, Attribute>
  /** Targets and groups. */
  readonly blocks: readonly Block[]
  /** Blocks that nothing knows. */
  readonly unknown: readonly Block[]
  /** Variables, functions and attributes whose names belong to bake; nothing reads them. */
  readonly reserved: readonly { readonly name: string; readonly at: Place }[]
}

const RESERVED: readonly string[] = ['group', 'target', 'BAKE_CMD_CONTEXT', 'BAKE_LOCAL_PLATFORM']

const TYPES: BlockTypes = {
  variable: { labels: 1, blocks: { validation: { labels: 0, blocks: {} } } },
  function: { labels: 1, blocks: {} },
  target: { labels: 1, blocks: {} },
  group: { labels: 1, blocks: {} },
}

// Far above what a project writes; the texts are kept for messages
const MAX_LENGTH = 1_000_000

/** All files as one document. */
export function readDocument(files: readonly BakeFile[]): Document {
  const bodies = files.map(parseFile)
  const variables = new Map<string, Block>()
  const functions = new Map<string, Block>()
  const attributes = new Map<string, Attribute>()
  const blocks: Block[] = []
  const unknown: Block[] = []
  const reserved: { name: string; at: Place }[] = []
  for (const body of bodies) {
    for (const attribute of body.attributes)
      if ([...RESERVED, 'function'].includes(attribute.name)) reserved.push(attribute)
      else attributes.set(attribute.name, attribute)
    for (const block of body.blocks) {
      if (!Object.hasOwn(TYPES, block.type)) {
        unknown.push(block)
        continue
      }
      const label = labelOf(block)
      const isName = block.type === 'variable' || block.type === 'function'
      if (isName && RESERVED.includes(label)) reserved.push({ name: label, at: block.at })
      else if (block.type === 'variable') variables.set(label, block)
      else if (block.type === 'function') functions.set(label, block)
      else blocks.push(block)
    }
  }
  return { variables, functions, attributes, blocks, unknown, reserved }
}

function labelOf({ labels, type, at }: Block): string {
  const [label] = labels
  if (label === undefined || labels.length > 1) throw new HclError(`a ${type} has one label, its name`, at)
  return label
}

/** A file by its extension; without one, HCL, and JSON when it is not that. */
function parseFile({ name, text }: BakeFile): Body {
  const start: Place = { file: name, line: 1, column: 1 }
  if (text.length > MAX_LENGTH) throw new HclError(`the file is longer than ${MAX_LENGTH} characters`, start)
  if (name.endsWith('.json')) return parseJson(name, text, TYPES)
  if (name.endsWith('.hcl') || !text.trimStart().startsWith('{')) return parseHcl(name, text)
  return parseJson(name, text, TYPES)
}
