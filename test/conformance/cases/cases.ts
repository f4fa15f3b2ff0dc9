import type { Case } from '../support/case.ts'
import { ADD } from './add.ts'
import { CONFIG } from './config.ts'
import { COPY } from './copy.ts'
import { HEREDOCS } from './heredocs.ts'
import { IGNORE } from './ignore.ts'
import { LINKS } from './links.ts'
import { OWNERS } from './owners.ts'
import { PARENTS } from './parents.ts'
import { PLATFORMS } from './platforms.ts'
import { RUN } from './run.ts'
import { STAGES } from './stages.ts'
import { SYNTAX } from './syntax.ts'
import { TRIGGERS } from './triggers.ts'
import { VARIABLES } from './variables.ts'

/** All cases, by what they are about. */
export const CASES: readonly { readonly topic: string; readonly cases: readonly Case[] }[] = [
  { topic: 'COPY', cases: COPY },
  { topic: 'COPY --parents', cases: PARENTS },
  { topic: 'ADD', cases: ADD },
  { topic: 'symbolic and hard links', cases: LINKS },
  { topic: 'owners and modes', cases: OWNERS },
  { topic: 'ignore patterns', cases: IGNORE },
  { topic: 'RUN', cases: RUN },
  { topic: 'heredocs', cases: HEREDOCS },
  { topic: 'variables', cases: VARIABLES },
  { topic: 'config', cases: CONFIG },
  { topic: 'stages', cases: STAGES },
  { topic: 'platforms', cases: PLATFORMS },
  { topic: 'ONBUILD', cases: TRIGGERS },
  { topic: 'syntax', cases: SYNTAX },
]
