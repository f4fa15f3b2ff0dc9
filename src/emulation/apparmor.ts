import { XbuildError } from '../errors.ts'

/**
 * An AppArmor profile that lets one program, and what it starts, make user namespaces, where Ubuntu closes them to
 * ordinary users. It forbids nothing. Throws HOST for a path that a profile cannot hold.
 */
export function userNamespaceProfile(name: string, program: string): string {
  if (!program.startsWith('/') || /[\p{Cc}"]|@\{/u.test(program) || !/^[\w.-]+$/.test(name))
    throw new XbuildError('HOST', `Cannot write an AppArmor profile for "${program}": the path cannot be in one`)
  const path = program.replaceAll(/[\\*?[\]{}^]/g, '\\$&')
  return `abi <abi/4.0>,
include <tunables/global>

profile ${name} "${path}" flags=(unconfined) {
  userns,
}
`
}
