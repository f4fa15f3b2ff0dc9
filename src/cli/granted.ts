import { resolve } from 'node:path'
import type { Grants } from '../config/images/allow.ts'
import type { Judge } from '../config/project.ts'
import { createJudge, createReach } from './project-place.ts'

/** A judge of what files ask for: their project's folder is theirs, and what the user has granted. */
export function createGrantedJudge(project: string, { read, write }: Grants, cwd: string): Judge {
  const own = createJudge(project)
  const reaches = { read: createReach(read, cwd), write: createReach(write, cwd) }
  return (claim) => {
    if (claim.kind === 'run') return own(claim)
    const path = resolve(cwd, claim.path)
    return reaches[claim.kind](path) ? undefined : own({ ...claim, path })
  }
}

/** A judge of what files from elsewhere ask for: nothing on this machine is theirs but what the user has granted. */
export function createForeignJudge({ read, write }: Grants, cwd: string): Judge {
  const reaches = { read: createReach(read, cwd), write: createReach(write, cwd) }
  return (claim) => {
    if (claim.kind === 'run') return 'it names the program that runs the steps'
    return reaches[claim.kind](resolve(cwd, claim.path)) ? undefined : 'the file came over the network'
  }
}
