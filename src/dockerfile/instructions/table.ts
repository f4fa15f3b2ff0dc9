import type { FromInstruction, Instruction } from '../types.ts'
import { parseCommand, parseHealthcheck, parseShell } from './command.ts'
import { parseCopy } from './copy.ts'
import { parseFrom } from './from.ts'
import { parseOnbuild } from './onbuild.ts'
import { parseArg, parsePairs } from './pairs.ts'
import { parseExpose, parseSingle, parseVolume } from './plain.ts'
import type { Request } from './request.ts'
import { parseRun } from './run.ts'

const PARSERS: Readonly<Record<string, (request: Request) => Instruction | FromInstruction | undefined>> = {
  ADD: parseCopy,
  ARG: parseArg,
  CMD: parseCommand,
  COPY: parseCopy,
  ENTRYPOINT: parseCommand,
  ENV: parsePairs,
  EXPOSE: parseExpose,
  FROM: parseFrom,
  HEALTHCHECK: parseHealthcheck,
  LABEL: parsePairs,
  MAINTAINER: parseSingle,
  ONBUILD: (request) => parseOnbuild(request, parseInstruction, INSTRUCTION_NAMES),
  RUN: parseRun,
  SHELL: parseShell,
  STOPSIGNAL: parseSingle,
  USER: parseSingle,
  VOLUME: parseVolume,
  WORKDIR: parseSingle,
}

/** The names of all instructions, sorted. */
export const INSTRUCTION_NAMES: readonly string[] = Object.keys(PARSERS)

/** Parses one instruction whose name is known; `undefined` when its problems leave nothing of it. */
export function parseInstruction(request: Request): Instruction | FromInstruction | undefined {
  return PARSERS[request.name]!(request)
}
