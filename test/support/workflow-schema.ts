import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'

interface Parsed {
  readonly context: { readonly errors: { getErrors(): readonly { readonly message: string }[] } }
  readonly value?: unknown
}

type Parse = (file: { readonly name: string; readonly content: string }, trace: object) => Parsed

interface Parser {
  readonly parseWorkflow: Parse
  readonly parseAction: Parse
  convertWorkflowTemplate(context: Parsed['context'], value: unknown): Promise<unknown>
}

const ENTRY = `export { parseWorkflow, convertWorkflowTemplate } from '@actions/workflow-parser'
export { parseAction } from '@actions/workflow-parser/actions/index'`

/** GitHub's own parser and schema: what is wrong with a workflow, or with an action's metadata. */
export function openWorkflowSchema(): (
  kind: 'workflow' | 'action',
  name: string,
  content: string,
) => Promise<readonly string[]> {
  // Node does not import JSON as the package asks for
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-test-'))
  const file = join(folder, 'parser.cjs')
  buildSync({
    stdin: { contents: ENTRY, resolveDir: import.meta.dirname },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: file,
    logLevel: 'error',
  })
  const parser = createRequire(file)(file) as Parser
  rmSync(folder, { recursive: true })
  const trace = { error: () => {}, info: () => {}, verbose: () => {} }
  return async (kind, name, content) => {
    const { context, value } = parser[kind === 'workflow' ? 'parseWorkflow' : 'parseAction']({ name, content }, trace)
    // Jobs that need each other, and the like
    if (kind === 'workflow' && value !== undefined) await parser.convertWorkflowTemplate(context, value)
    return context.errors.getErrors().map(({ message }) => message)
  }
}
