import { compact } from '../compact.ts'
import { suggest } from '../did-you-mean.ts'
import type { LineInput } from './build-line.ts'
import { bool } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import { usageError } from './values.ts'

/** What can be done with the history of runs. */
const HISTORY_VERBS = ['ls', 'show', 'logs', 'rm'] as const

/** The states that a run can be in. */
const RUN_STATES = ['running', 'done', 'failed', 'canceled', 'interrupted'] as const

interface HistoryValues {
  readonly json: boolean
  readonly states: readonly string[]
  readonly platform?: string | undefined
  readonly image?: string | undefined
  readonly all: boolean
  readonly store?: string | undefined
}

interface HistoryCommon {
  readonly store?: string | undefined
  readonly cwd: string
}

/** `xbuild history ...`; without `run` the latest one is meant. */
export type HistoryCommand = HistoryCommon &
  (
    | { readonly verb: 'ls'; readonly json: boolean; readonly states: readonly string[] }
    | { readonly verb: 'show'; readonly run?: string; readonly json: boolean }
    | { readonly verb: 'logs'; readonly run?: string; readonly platform?: string; readonly image?: string }
    | { readonly verb: 'rm'; readonly runs: readonly string[]; readonly all: boolean }
  )

/** Every flag of `xbuild history`. */
export const HISTORY_FLAGS: { readonly [K in keyof HistoryValues]-?: Flag<HistoryValues[K]> } = {
  json: { name: 'json', group: 'common', help: 'Print runs as JSON (ls, show)', absent: false, parse: bool },
  states: {
    name: 'filter',
    placeholder: 'state=STATE',
    repeat: true,
    group: 'common',
    help: `Only runs of these states (ls): ${RUN_STATES.join(', ')}`,
    absent: [],
    parse: (texts) => texts.map(parseState),
  },
  platform: {
    name: 'platform',
    placeholder: 'OS/ARCH[/VARIANT]',
    group: 'common',
    help: 'Only what steps for the platform printed (logs)',
    absent: undefined,
    parse: (texts) => texts.at(-1),
  },
  image: {
    name: 'image',
    placeholder: 'NAME',
    group: 'common',
    help: 'Only what steps for the image printed, in a run with several (logs)',
    absent: undefined,
    parse: (texts) => texts.at(-1),
  },
  all: { name: 'all', short: 'a', group: 'common', help: 'Remove all runs (rm)', absent: false, parse: bool },
  store: FLAGS.store,
}

/** `xbuild resume`. */
export interface ResumeCommand extends HistoryCommon {
  readonly run?: string
  readonly progress: (typeof FLAGS.progress)['absent']
  /** Tags that others have moved since the run began are moved, too. */
  readonly force: boolean
  /** Tags may lose platforms. */
  readonly allowPlatformDrop: boolean
}

/** Every flag of `xbuild resume`. */
export const RESUME_FLAGS: { readonly [K in Exclude<keyof ResumeCommand, 'run' | 'cwd'>]-?: Flag<ResumeCommand[K]> } = {
  force: {
    name: 'force',
    group: 'common',
    help: 'Move tags also when somebody else has changed them since the run began',
    absent: false,
    parse: bool,
  },
  allowPlatformDrop: {
    name: 'allow-platform-drop',
    group: 'common',
    help: 'Move a tag although its image has platforms that the new image lacks',
    absent: false,
    parse: bool,
  },
  progress: FLAGS.progress,
  store: FLAGS.store,
}

/** Reads the words and values of `xbuild history`. Throws BAD_OPTION. */
export function readHistoryCommand(
  { json, states, platform, image, all, store }: HistoryValues,
  { words: [word = 'ls', ...runs], cwd }: Pick<LineInput, 'words' | 'cwd'>,
): HistoryCommand {
  const verb = HISTORY_VERBS.find((one) => one === (SAME[word] ?? word))
  if (!verb) {
    const near = suggest(word, HISTORY_VERBS)
    throw usageError(
      `Cannot use "xbuild history ${word}": unknown`,
      near ? `Did you mean xbuild history ${near}?` : `Write xbuild history ${HISTORY_VERBS.join(', ')}`,
    )
  }
  const foreign = [
    ['--json', json, ['ls', 'show']],
    ['--filter', states.length > 0, ['ls']],
    ['--platform', platform !== undefined, ['logs']],
    ['--image', image !== undefined, ['logs']],
    ['--all', all, ['rm']],
  ] as const
  for (const [flag, given, verbs] of foreign)
    if (given && !(verbs as readonly string[]).includes(verb))
      throw usageError(`Cannot use "${flag}" with xbuild history ${verb}: it belongs to ${verbs.join(' and ')}`)
  const common = { cwd, ...compact({ store }) }
  if (verb === 'rm') {
    if (all === runs.length > 0)
      throw usageError(
        all ? 'Cannot remove all runs: some are named, too' : 'Cannot remove runs: none is named',
        'Write xbuild history rm RUN... or xbuild history rm --all',
      )
    return { ...common, verb, runs, all }
  }
  const most = verb === 'ls' ? 0 : 1
  if (runs.length > most)
    throw usageError(
      `Cannot use "${runs[most]}" with xbuild history ${verb}: ${most === 0 ? 'it takes no arguments' : 'it takes one run'}`,
    )
  if (verb === 'ls') return { ...common, verb, json, states }
  const run = runs[0] === undefined ? {} : { run: runs[0] }
  if (verb === 'show') return { ...common, verb, ...run, json }
  return {
    ...common,
    verb,
    ...run,
    ...compact({ platform, image }),
  }
}

/** Reads the words and values of `xbuild resume`. Throws BAD_OPTION. */
export function readResumeCommand(
  { store, ...values }: Omit<ResumeCommand, 'run' | 'cwd'>,
  { words: [run, ...more], cwd }: Pick<LineInput, 'words' | 'cwd'>,
): ResumeCommand {
  if (more.length > 0) throw usageError(`Cannot resume "${more.join(' ')}": one run is resumed at a time`)
  return { cwd, ...values, ...compact({ store, run }) }
}

const SAME: Readonly<Record<string, string>> = { list: 'ls', inspect: 'show', log: 'logs', remove: 'rm' }

function parseState(text: string): string {
  const [key, state = ''] = text.split('=', 2)
  if (key === 'state' && (RUN_STATES as readonly string[]).includes(state)) return state
  throw usageError(`Cannot use --filter "${text}"`, `Write it like state=failed; states are ${RUN_STATES.join(', ')}`)
}
