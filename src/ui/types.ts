import type { BuildEvent } from '../events.ts'

/** Shows a build to a person or a program. */
export interface Ui {
  emit(event: BuildEvent): void
  /** A word of the program itself, like "Stopping". */
  note(text: string): void
  /** The last picture; afterwards others may write to the stream. */
  finish(): Promise<void>
}

/** The stream a UI writes to, and what it has to know about it. */
export interface UiOptions {
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number; readonly rows?: number }
  readonly isTTY: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}
