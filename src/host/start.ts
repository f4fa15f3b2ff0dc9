import { childProcess } from './child-process.ts'
import type { ChildProcess, SpawnOptions } from 'node:child_process'

/** Starts a program that the caller talks to and waits for; failing to start shows as the child's `error` event. */
export function startProgram(file: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return childProcess().spawn(file, [...args], options)
}
