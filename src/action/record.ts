import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cleanText } from '../ui/text.ts'
import { runXbuild, type ProgramOptions } from './run-program.ts'
import type { RunPlan } from './run-plan.ts'

/**
 * Writes what `xbuild history` keeps of the run into a folder: `run.json` and `log.txt`. Gives back a warning when
 * there is nothing to write, since no build fails because of it.
 */
export async function writeRecord(
  folder: string,
  { metadataFile }: Pick<RunPlan, 'metadataFile'>,
  options: Omit<ProgramOptions, 'onLine'>,
): Promise<string | undefined> {
  const ask = async (...args: readonly string[]) => {
    const { code, stdout } = await runXbuild(['history', ...args], { ...options, onLine: () => undefined })
    return code === 0 ? stdout : undefined
  }
  try {
    // The file for its results is in a folder that no other run has
    const isOurs = ({ command = [] }: { readonly command?: readonly string[] }) => command.includes(metadataFile)
    const runs = JSON.parse((await ask('ls', '--json')) ?? '[]') as { id: string; command?: readonly string[] }[]
    const run = runs.find(isOurs)
    if (!run) return 'There is no record of the run: it ended before anything was planned'
    const [record, log] = [await ask('show', '--json', run.id), await ask('logs', run.id)]
    const own = resolve(options.cwd, folder)
    mkdirSync(own, { recursive: true })
    writeFileSync(join(own, 'run.json'), record ?? '')
    writeFileSync(join(own, 'log.txt'), cleanText(log ?? ''))
    return undefined
  } catch (error) {
    return `Cannot write the record of the run: ${(error as Error).message}`
  }
}
