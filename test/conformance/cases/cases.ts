import type { Case } from '../support/case.ts'
import { ADD } from './add.ts'
import { ARCHIVES } from './archives.ts'
import { CONFIG } from './config.ts'
import { CORNERS } from './corners.ts'
import { COPY } from './copy.ts'
import { HEREDOCS } from './heredocs.ts'
import { IGNORE } from './ignore.ts'
import { LINKS } from './links.ts'
import { OWNERS } from './owners.ts'
import { EDGES } from './edges.ts'
import { PATTERNS } from './patterns.ts'
import { WILDCARDS } from './wildcards.ts'
import { WINDOWS } from './windows.ts'
import { PARENTS } from './parents.ts'
import { PLATFORMS } from './platforms.ts'
import { PROJECTS } from './projects.ts'
import { RUN } from './run.ts'
import { STAGES } from './stages.ts'
import { SYNTAX } from './syntax.ts'
import { TREES } from './trees.ts'
import { TRIGGERS } from './triggers.ts'
import { VARIABLES } from './variables.ts'

/** All cases, by what they are about. */
export const CASES: readonly { readonly topic: string; readonly cases: readonly Case[] }[] = [
  { topic: 'COPY', cases: COPY },
  { topic: 'COPY --parents', cases: PARENTS },
  { topic: 'wildcards', cases: WILDCARDS },
  { topic: 'ADD', cases: ADD },
  { topic: 'ADD of unusual archives', cases: ARCHIVES },
  { topic: 'symbolic and hard links', cases: LINKS },
  { topic: 'owners and modes', cases: OWNERS },
  { topic: 'ignore patterns', cases: IGNORE },
  { topic: 'generated ignore patterns', cases: PATTERNS },
  { topic: 'RUN', cases: RUN },
  { topic: 'heredocs', cases: HEREDOCS },
  { topic: 'variables', cases: VARIABLES },
  { topic: 'config', cases: CONFIG },
  { topic: 'stages', cases: STAGES },
  { topic: 'platforms', cases: PLATFORMS },
  { topic: 'ONBUILD', cases: TRIGGERS },
  { topic: 'syntax', cases: SYNTAX },
  { topic: 'edges', cases: EDGES },
  { topic: 'corners', cases: CORNERS },
  { topic: 'Windows', cases: WINDOWS },
  { topic: 'Dockerfiles of projects', cases: PROJECTS },
  { topic: 'unusual trees', cases: TREES },
]
