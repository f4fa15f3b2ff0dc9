import type { BuildEvent } from '../events.ts'
import type { XbuildError } from '../errors.ts'
import { UNSAFE } from './text.ts'
import type { Ui, UiOptions } from './types.ts'

/** One event per line, as JSON, for programs; errors as `{code, message, hint, at, output, tags}`. */
export function createJsonUi({ stderr }: Pick<UiOptions, 'stderr'>): Ui {
  return {
    emit: (event) => void stderr.write(`${toLine(toJson(event))}\n`),
    note: (text) => void stderr.write(`${toLine({ type: 'note', message: text })}\n`),
    finish: async () => {},
  }
}

/** People look at it on terminals, too: what JSON lets through of control and direction-changing characters is escaped. */
function toLine(value: object): string {
  return JSON.stringify(value).replaceAll(UNSAFE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function toJson(event: BuildEvent): object {
  return 'error' in event ? { ...event, error: errorToJson(event.error) } : event
}

// Error's own message is not enumerable: JSON.stringify alone would lose it
function errorToJson({ code, message, hint, at, output, tags }: XbuildError): object {
  return { code, message, hint, at, output, tags }
}
