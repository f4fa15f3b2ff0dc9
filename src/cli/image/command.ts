import type { ImageCommand } from '../../config/image-command.ts'
import { IMAGE_FLAGS } from '../../config/image-flags.ts'
import { readImageCommand } from '../../config/read-image-command.ts'
import { defineCommand, type Command } from '../command.ts'
import type { Terminal } from '../terminal.ts'

const EXAMPLES = `Examples:
  # The platforms of an image; one of them with its layers and history
  xbuild image inspect alpine:3
  xbuild image inspect --platform linux/arm64 alpine:3

  # One image of what the legs of a CI pushed by digest
  xbuild image create -t registry.example/team/app:1.0 sha256:... sha256:...

  # A whole image with its signatures into a folder, and from there into another registry
  xbuild image copy registry.example/team/app:1.0 oci:backup:1.0
  xbuild image copy oci:backup:1.0 other.example/team/app:1.0

  # Programs of a wrong platform in any image
  xbuild image audit registry.example/team/app:1.0

An image is REF, oci:FOLDER[:NAME], oci-archive:FILE[:NAME] or docker-daemon:NAME.
`

/** The entry of `xbuild image` in the table of commands; `run` runs its verbs. */
export function imageCommand(run: (command: ImageCommand, terminal: Terminal) => Promise<number>): Command {
  return defineCommand({
    name: 'image',
    usage: 'xbuild image inspect|create|copy|ls|verify|sign|audit|rm|prune [OPTIONS] NAME...',
    help: 'Look at published images, check, copy and remove them, and put them together from others.',
    flags: IMAGE_FLAGS,
    examples: EXAMPLES,
    read: (values, input) => ({ options: readImageCommand(values, input) }),
    run: ({ options }, terminal) => run(options, terminal),
  })
}
