import { cleanText } from '../ui/text.ts'
import { command } from './workflow.ts'

/** What is printed to the log of a step: only `command` and `group` are acted on by the runner. */
export interface Log {
  /** Text from anywhere: nothing in it is a workflow command. */
  text(text: string): void
  command(line: string): void
  /** Text that is folded under a title. */
  group(title: string, lines: readonly string[]): void
  /** Ends what `text` began. */
  close(): void
}

/**
 * Writes a log so that text which a build prints is never taken for workflow commands: they are stopped while text is
 * written. `token` gives a text that nobody can guess, each time another.
 */
export function createLog(write: (text: string) => void, token: () => string): Log {
  let stopped: string | undefined
  const resume = (): void => {
    if (stopped !== undefined) write(`::${stopped}::\n`)
    stopped = undefined
  }
  const text = (some: string): void => {
    if (stopped === undefined) {
      stopped = token()
      write(`${command('stop-commands', stopped)}\n`)
    }
    write(`${cleanText(some)}\n`)
  }
  const say = (line: string): void => {
    resume()
    write(`${line}\n`)
  }
  return {
    text,
    command: say,
    group: (title, lines) => {
      say(command('group', cleanText(title)))
      if (lines.length > 0) text(lines.join('\n'))
      say('::endgroup::')
    },
    close: resume,
  }
}
