import { readFileSync } from 'node:fs'

/** No build needs as many at a time, a fork bomb does. */
const MOST = 32_768
/** The part of the machine's that a step may have: other programs must be able to start while a bomb goes off. */
const SHARE = 1 / 4
/** The part that all steps of a user have together. */
const SHARE_OF_ALL = 1 / 2

/**
 * Processes and threads of a step that names no limit: many kernels have numbers for no more than 32,768 on the whole
 * machine. Newer ones have a maximum per process id namespace: this one counts, not that of the worker.
 */
export function mostProcesses(): number {
  return Math.min(MOST, Math.floor(ofMachine() * SHARE))
}

/** Processes and threads of all steps of a user at a time, whichever builds they belong to. */
export function mostProcessesOfAll(): number {
  return Math.floor(ofMachine() * SHARE_OF_ALL)
}

function ofMachine(): number {
  return Math.min(...['pid_max', 'threads-max'].map((name) => Number(readFileSync(`/proc/sys/kernel/${name}`, 'utf8'))))
}
