import { readBake } from '../../../src/config/bake/bake.ts'
import type { BakeInput } from '../../../src/config/bake/config.ts'

/** What bake files are read with in tests: no environment, a time that stands still. */
export function inputOf(files: Readonly<Record<string, string>>, more: Partial<BakeInput> = {}): BakeInput {
  return {
    files: Object.entries(files).map(([name, text]) => ({ name, text })),
    env: {},
    localPlatform: 'linux/amd64',
    now: new Date('2026-01-02T03:04:05Z'),
    home: '/home/someone',
    ...more,
  }
}

/** The value of an expression as `--list=variables` shows it. */
export function valueOf(expression: string, more: Partial<BakeInput> = {}): string | null {
  const config = readBake(inputOf({ 'docker-bake.hcl': `variable "v" {\n  default = ${expression}\n}\n` }, more))
  return config.variables[0]!.value
}
