import type { BuildEvent } from '../events.ts'
import type { XbuildError } from '../errors.ts'
import type { Ui, UiOptions } from './types.ts'

/** One event per line, as JSON, for programs; errors as `{code, message, hint, at, output}`. */
export function createJsonUi({ stderr }: Pick<UiOptions, 'stderr'>): Ui {
  return {
    emit: (event) => void stderr.write(`${JSON.stringify(toJson(event))}\n`),
    note: (text) => void stderr.write(`${JSON.stringify({ type: 'note', message: text })}\n`),
    finish: async () => {},
  }
}

function toJson(event: BuildEvent): object {
  return 'error' in event ? { ...event, error: errorToJson(event.error) } : event
}

// Error's own message is not enumerable: JSON.stringify alone would lose it
function errorToJson({ code, message, hint, at, output }: XbuildError): object {
  return { code, message, hint, at, output }
}
