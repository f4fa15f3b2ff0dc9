import type { ImageConfig } from '../oci/manifest.ts'

/** What a command of `--test` starts in an image: a shell with it, that of the image, or `["program", "argument"]`. */
export function testArgv(command: string, { config }: Pick<ImageConfig, 'config'>): readonly string[] {
  return execForm(command) ?? [...(config?.Shell ?? ['/bin/sh', '-c']), command]
}

/** As RUN reads it: for images without a shell. */
function execForm(command: string): readonly string[] | undefined {
  if (!command.trimStart().startsWith('[')) return undefined
  try {
    const words: unknown = JSON.parse(command)
    return Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string')
      ? words
      : undefined
  } catch {
    return undefined
  }
}
