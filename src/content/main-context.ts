import { rm } from 'node:fs/promises'
import { compact } from '../compact.ts'
import type { CompleteOptions } from '../config/options.ts'
import { temporaryName } from '../source/temporary.ts'
import { timeOfNamed } from './context-time.ts'
import type { ContextEdges, DockerfileText } from './context-types.ts'
import { findContext, type FoundContext } from './find-context.ts'

/** The build context and the Dockerfiles in it. */
export interface MainContext {
  /** What COPY reads from; absent: the folder that the options name. */
  readonly source?: NonNullable<FoundContext['source']>
  /** Whether git may use the user's own keys and logins for it. */
  readonly byUser: boolean
  /**
   * The Dockerfile that `-f` would name so; without a name the one that the options say. Read once. Throws NOT_FOUND,
   * BAD_OPTION.
   */
  dockerfile(file?: string): Promise<DockerfileText>
  /**
   * What SOURCE_DATE_EPOCH=context, or the name of another context, stands for, in seconds since the epoch: when the
   * commit of a repository was made, a download was changed, or the newest file of an archive was; folders, images and
   * a Dockerfile alone have no time.
   */
  time(): Promise<number | undefined>
  /** Removes what was kept for the time of the build. */
  close(): Promise<void>
}

/** Finds the context of a build: a folder, a repository, an archive, standard input. Throws NOT_FOUND, BAD_OPTION. */
export async function openMainContext(options: CompleteOptions, edges: ContextEdges): Promise<MainContext> {
  const { epochOfContext } = options
  const scratch = temporaryName(edges.folder, 'stdin')
  const close = () => rm(scratch, { recursive: true, force: true })
  const texts = new Map<string | undefined, Promise<DockerfileText>>()
  try {
    const { source, dockerfile, time = async () => undefined } = await findContext(options, { ...edges, scratch })
    return {
      ...compact({ source }),
      byUser: !options.projectContext,
      dockerfile(file = options.file) {
        const text = texts.get(file) ?? (file === undefined ? inline(options) : undefined) ?? dockerfile(file)
        texts.set(file, text)
        return text
      },
      time: epochOfContext === undefined || epochOfContext === 'context' ? time : () => timeOfNamed(options, edges),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A Dockerfile that the options hold. */
function inline({ inlineDockerfile }: CompleteOptions): Promise<DockerfileText> | undefined {
  return inlineDockerfile && Promise.resolve({ text: inlineDockerfile.text, shown: inlineDockerfile.name })
}
