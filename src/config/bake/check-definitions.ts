import { suggestionHint } from '../../did-you-mean.ts'
import type { Document } from './document.ts'
import type { Block } from './hcl/ast.ts'
import { HclError } from './hcl/error.ts'

/** What a function says. */
export const FUNCTION_KEYS: readonly string[] = ['params', 'variadic_params', 'result']
const VALIDATION_KEYS = ['condition', 'error_message']

/** Functions, and rules of variables, say nothing else than they can: buildx refuses that, too. */
export function checkDefinitions({ functions, variables }: Document): void {
  for (const block of functions.values()) checkKeys(block, FUNCTION_KEYS)
  for (const { body } of variables.values())
    for (const block of body.blocks) if (block.type === 'validation') checkKeys(block, VALIDATION_KEYS)
}

function checkKeys({ type, labels, body, at }: Block, keys: readonly string[]): void {
  if (type === 'validation' && labels.length > 0) throw new HclError('a validation has no label', at)
  const other = body.attributes.find(({ name }) => !keys.includes(name))
  if (other) throw new HclError(`a ${type} has no "${other.name}"`, other.at, suggestionHint(other.name, keys))
  const [inner] = body.blocks
  if (inner) throw new HclError(`a ${type} has no block "${inner.type}"`, inner.at)
}
