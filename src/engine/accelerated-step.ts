import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { compact } from '../compact.ts'
import type { AccelMode } from '../config/run-options.ts'
import type { UsedPack } from '../content/built-image.ts'
import type { ProgramStarts } from '../content/starts.ts'
import type { Distribution } from '../emulation/packs/os-release.ts'
import type { Pack } from '../emulation/packs/pack.ts'
import type { StepSibling } from '../emulation/packs/sibling/step-sibling.ts'
import type { Twin, Twins } from '../emulation/packs/twins.ts'
import { toXbuildError } from '../errors.ts'
import { once } from '../host/once.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { StoreFolder } from '../store/folder.ts'
import type { BaseImage, MadeAhead } from './made-ahead.ts'
import type { RunParams } from './protocol.ts'
import { listenForQuestions, type Question } from './questions.ts'
import { showPacks, type ShownPacks } from './shown-packs.ts'
import { readStarts } from './starts.ts'
import { cleanReason, makeStartsFile, makeStepFolder } from './step-folder.ts'

/** A step in which twins may be started. */
export interface AcceleratedStep {
  /** What the container is shown. */
  readonly accel: NonNullable<RunParams['accel']>
  /** Packs that programs of the step were run from until now. */
  used(): readonly UsedPack[]
  /** What programs of the step were started until now. */
  starts(): readonly ProgramStarts[]
  /** Aborted with the reason when a twin is required and there is none. */
  readonly refused: AbortSignal
  /** Aborted with the reason when what the step did cannot be used: a twin could not answer as its program would. */
  readonly ended: AbortSignal
  /** Programs of it may have been run by twins that speculate. */
  speculated(): boolean
  close(): void
}

/** `readFile` reads from the step's file system. */
export interface StepFiles {
  readonly base: BaseImage | undefined
  /** Of the images that the step is made from. */
  readonly siblings: readonly StepSibling[]
  readonly readFile: (path: string) => Promise<string | undefined>
}

/** What all accelerated steps of a build share. */
export interface StepEdges {
  readonly twins: Twins
  readonly mode: AccelMode
  readonly folder: StoreFolder
  readonly ahead: MadeAhead
  readonly complain: (message: string) => void
}

/** How the programs of one step get their twins. */
interface Answering {
  readonly platform: Platform
  readonly siblings: readonly StepSibling[]
  readonly speculate: boolean
  readonly distribution: () => Promise<Distribution | undefined>
  readonly shown: ShownPacks
  /** By digest. */
  readonly used: Map<string, UsedPack>
  readonly refused: AbortController
}

/** Makes what the handlers of a step look at, and answers them until the step is closed. */
export async function openStep(
  platform: Platform,
  files: StepFiles,
  { speculate, ...edges }: StepEdges & { readonly speculate: boolean },
): Promise<AcceleratedStep> {
  const { twins, folder, mode, ahead, complain } = edges
  const step = makeStepFolder(folder, await twins.names(platform.architecture, speculate))
  const shown = showPacks(folder)
  const starts = makeStartsFile(step)
  const refused = new AbortController()
  const ended = new AbortController()
  const used = new Map<string, UsedPack>()
  const distribution = await beginPacks(platform, files, ahead)
  const answering = { platform, siblings: files.siblings, speculate, distribution, shown, used, refused }
  const server = await listenForQuestions(
    step,
    (question) => answer(question, answering, edges),
    (error) => {
      const message = `A program for ${formatPlatform(platform)} runs emulated: its native toolchain cannot be passed to it: ${toXbuildError(error).message}`
      if (mode === 'require') refused.abort(message)
      else complain(message)
    },
    // Any program of a step may say so, and only an attempt can be thrown away
    ...(speculate ? [(reason: string) => ended.abort(cleanReason(reason))] : []),
  )
  return {
    accel: { packs: shown.folder, step, starts },
    used: () => [...used.values()],
    starts: () => readStarts(starts),
    refused: refused.signal,
    ended: ended.signal,
    speculated: () => [...used.values()].some((pack) => pack.speculated),
    close() {
      server.close()
      rmSync(dirname(step), { recursive: true, force: true })
      shown.close()
    },
  }
}

/** Begins to make the packs that the image of a step will need; gives what tells its distribution. */
async function beginPacks(
  platform: Platform,
  { base, readFile }: StepFiles,
  ahead: MadeAhead,
): Promise<() => Promise<Distribution | undefined>> {
  const osRelease = once(
    async () => (await readFile('/etc/os-release')) ?? (await readFile('/usr/lib/os-release')) ?? '',
  )
  const distribution = once(async () => {
    const { parseOsRelease } = await import('../emulation/packs/os-release.ts')
    return parseOsRelease(await osRelease())
  })
  if (!base) return distribution
  await ahead.tellWhyNone(base.digest, platform, osRelease)
  // It is in place before the first program asks: what is made ahead is not made twice
  const from = ahead.expects() ? await distribution().catch(() => undefined) : undefined
  if (from) await ahead.begin({ digest: base.digest, distribution: from })
  return distribution
}

/** How the handler starts the twin of a program; '' when there is none, nothing while one is made. */
async function answer({ id, path }: Question, answering: Answering, edges: StepEdges): Promise<string | undefined> {
  const { platform, siblings, speculate, distribution } = answering
  const twin = await edges.twins.find(
    { id, path, architecture: platform.architecture },
    { distribution, siblings, wait: isTwinWanted(edges.mode), speculate },
  )
  if (!twin) return undefined
  if ('stranger' in twin) return ''
  if ('pack' in twin) return show(twin.pack, id, answering)
  tellWhyNone(path, twin, answering, edges)
  return ''
}

/** Whether every program that could have a twin must be given it, or be told of. */
function isTwinWanted(mode: AccelMode): boolean {
  return mode === 'require' || mode === 'verify'
}

async function show(pack: Pack, id: string, { platform, shown, used }: Answering): Promise<string> {
  const { namedPack, rulesText } = await import('../emulation/packs/pack.ts')
  await shown.add(pack)
  const { sibling, speculative } = pack.manifest
  used.set(pack.digest, {
    platform: formatPlatform(platform),
    ...namedPack(pack),
    ...compact({ sibling: sibling?.manifest, speculated: speculative }),
  })
  return rulesText(pack, id)
}

function tellWhyNone(
  path: string,
  { reason, minor, never, outdated }: Extract<Twin, { readonly reason: string }>,
  { platform, refused }: Answering,
  { mode, complain }: StepEdges,
): void {
  const message = `${path} runs emulated on ${formatPlatform(platform)}: ${reason}`
  if (mode === 'require' && !minor && !never) refused.abort(message)
  else if (isTwinWanted(mode) || !minor || outdated) complain(message)
}
