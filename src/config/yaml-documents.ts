import { Composer, Lexer, type LineCounter, Parser, type Document, type ParsedNode } from 'yaml'

/** Levels on the stack of the parser: more than files of people have, and far fewer than the program's own stack holds. */
const MAX_LEVELS = 400
/** Who gets this many errors of syntax learns nothing from more, and each takes time. */
const MAX_ERRORS = 50
const MAX_DOCUMENTS = 500

/** The documents of a text, as far as they could be read. */
export interface YamlDocuments {
  readonly documents: readonly Document.Parsed<ParsedNode>[]
  /** Why and where reading was given up: to go on, by functions that call themselves, could end the program. */
  readonly stopped?: { readonly state: string; readonly offset: number }
}

/**
 * Parses YAML that may be meant to harm; `isOne` makes a document out of an empty text, too. Whether keys are there
 * twice is for the reader to see: the parser compares each with all others.
 */
export function parseYaml(
  text: string,
  lines: LineCounter,
  { isOne = false }: { readonly isOne?: boolean } = {},
): YamlDocuments {
  let stopped: YamlDocuments['stopped']
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false })
  const documents = [...composer.compose(tokens(), isOne, text.length)]
  return { documents, ...(stopped ? { stopped } : {}) }

  function* tokens() {
    const parser = new Parser(lines.addNewLine)
    lines.addNewLine(0)
    let offset = 0
    let errors = 0
    let count = 0
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) {
        if (token.type === 'error') errors += 1
        if (token.type === 'document') count += 1
        yield token
      }
      offset += lexeme.length
      const at = Math.min(offset, text.length)
      if (parser.stack.length > MAX_LEVELS) stopped = { state: 'nested too deeply', offset: at }
      if (count > MAX_DOCUMENTS) stopped = { state: `it has more than ${MAX_DOCUMENTS} documents`, offset: at }
      if (stopped || errors > MAX_ERRORS) return
    }
    yield* parser.end()
  }
}
