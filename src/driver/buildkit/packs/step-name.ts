/** What names of contexts begin with. */
export const CONTEXT = 'xbuild-packs-'

/** The flag of RUN that brings packs where the handler looks. */
export function mountOf(context: string): string {
  return `--mount=type=bind,from=${context},target=/dev/.xbuild`
}

const MOUNT = new RegExp(` ${mountOf(`(${CONTEXT}[a-z0-9-]+)`).replaceAll('.', '\\.')}`)

/** The name of a step as its author wrote it, and the context of packs that it was given. */
export function withoutPacks(step: string): { readonly name: string; readonly context?: string } {
  const context = MOUNT.exec(step)?.[1]
  return context === undefined ? { name: step } : { name: step.replace(MOUNT, ''), context }
}
