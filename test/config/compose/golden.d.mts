import type { ComposeCase } from './support.ts'

export function askCompose(project: ComposeCase, program?: readonly string[]): unknown
