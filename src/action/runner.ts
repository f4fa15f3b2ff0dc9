import { randomUUID } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import type { EventPayload } from './git-context.ts'
import type { Env } from './inputs.ts'
import { createLog, type Log } from './log.ts'
import { command, fileEntry } from './workflow.ts'

/** The ways to the runner: its log and its files. */
export interface Runner {
  readonly log: Log
  setOutput(name: string, value: string): void
  /** What the post step finds as STATE_NAME. */
  saveState(name: string, value: string): void
  addSummary(markdown: string): void
}

/** The runner that started this process. */
export function openRunner(env: Env): Runner {
  const log = createLog(
    (text) => void process.stdout.write(text),
    () => `stop-${randomUUID()}`,
  )
  const entry = (file: string, name: string, value: string): void => {
    const path = env[file]
    if (path) appendFileSync(path, fileEntry(name, value, `end-${randomUUID()}`))
    else log.command(command('debug', `There is no ${file}: ${name} is not kept`))
  }
  return {
    log,
    setOutput: (name, value) => entry('GITHUB_OUTPUT', name, value),
    saveState: (name, value) => entry('GITHUB_STATE', name, value),
    addSummary: (markdown) => {
      const path = env['GITHUB_STEP_SUMMARY']
      if (path) appendFileSync(path, markdown)
    },
  }
}

/** The payload of the event that started the workflow; nothing when there is none. */
export function readEventPayload(env: Env): EventPayload {
  const path = env['GITHUB_EVENT_PATH']
  if (!path) return {}
  try {
    const payload: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof payload === 'object' && payload !== null ? payload : {}
  } catch {
    return {}
  }
}
