/**
 * `node:child_process`, loaded by the first program that is started: it brings sockets and more with it, and a build
 * with nothing to run
 * starts none.
 */
export function childProcess(): typeof import('node:child_process') {
  return process.getBuiltinModule('node:child_process')
}
