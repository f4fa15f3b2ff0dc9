import { PROGRAM_FLAGS } from '../config/cli-flags.ts'
import type { CommandShape, Invocation } from '../config/argv.ts'
import type { LineInput } from '../config/build-line.ts'
import type { FileConfig } from '../config/file.ts'
import type { Flag } from '../config/flag.ts'
import { readFlag, readFlags, type FileTexts, type FlagTable } from '../config/read-flags.ts'
import type { LaterFlag } from '../config/unsupported.ts'
import type { Invocation as Called, Resume } from '../session/types.ts'
import type { Terminal } from './terminal.ts'

/** How a command was called, and the run of the history that it goes on with. */
export interface Calling {
  readonly invocation: Called
  readonly resume?: Resume
}

/** All that there is to say of a command. `Values`: what its flags say; `Args`: what it runs with. */
export interface CommandSpec<Values extends object, Args extends object> {
  readonly name: string
  /** The line of usage, with the name of the program. */
  readonly usage: string
  /** What it does, one sentence. */
  readonly help: string
  readonly flags: FlagTable<Values>
  /** Flags of docker that xbuild does not have yet. */
  readonly laterFlags?: Readonly<Record<string, LaterFlag>>
  /** Help shows the common flags first, and the environment. */
  readonly isLong?: boolean
  /** Commented command lines at the end of help. */
  readonly examples?: string
  /** Settings files are not read, and there is no `--config`. */
  readonly withoutConfig?: boolean
  /** Options that xbuild.yaml may set. */
  fromFile?(file: FileConfig): FileTexts<NoInfer<Values>>
  /** Checks words and values against each other. Throws BAD_OPTION, BAD_PLATFORM. */
  read(values: Values, input: LineInput): Args
  /** Gives back the exit code: 0 done, 1 failed. Loads what it needs. */
  run(args: Args, terminal: Terminal, commands: readonly Command[], calling: Calling): Promise<number>
}

/** A command line that was read. */
export type Parsed = { readonly command: string; readonly debug: boolean } & Readonly<Record<string, unknown>>

/** One entry of the table of commands. */
export interface Command
  extends CommandShape,
    Pick<CommandSpec<object, object>, 'usage' | 'help' | 'isLong' | 'examples' | 'withoutConfig'> {
  /** Own flags, then those of every command. */
  readonly flags: readonly Flag<unknown>[]
  read(invocation: Invocation, input: Omit<LineInput, keyof Invocation>): Parsed
  run(parsed: Parsed, terminal: Terminal, commands: readonly Command[], calling: Calling): Promise<number>
}

/** An entry of the table; its flags are read before `read` sees them. */
export function defineCommand<Values extends object, Args extends object>(spec: CommandSpec<Values, Args>): Command {
  const { config, debug, help } = PROGRAM_FLAGS
  const own: readonly Flag<unknown>[] = Object.values(spec.flags)
  return {
    ...spec,
    flags: [...own, ...(spec.withoutConfig ? [] : [config]), debug, help],
    read: (invocation, input) => {
      const sources = { ...input, given: invocation.given, inFile: input.file && spec.fromFile?.(input.file) }
      return {
        ...spec.read(readFlags(spec.flags, sources), { ...invocation, ...input }),
        command: spec.name,
        debug: readFlag(debug, invocation.given.get(debug.name), input),
      }
    },
    run: (parsed, terminal, commands, calling) => spec.run(parsed as unknown as Args, terminal, commands, calling),
  }
}
