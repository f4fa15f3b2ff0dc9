import { suggest } from '../did-you-mean.ts'
import { usageError } from '../config/values.ts'

/** Commands of docker, buildx, buildah and podman that xbuild has under another name, and what to use. */
export const RESERVED: Readonly<Record<string, string>> = {
  bud: 'Use xbuild build',
  builder: 'Machines to build on: xbuild node. Build cache: xbuild du and xbuild prune',
  buildx: 'Leave it out: xbuild build',
  commit: 'Write the change as a step of the Dockerfile, and use xbuild build',
  create: 'Add a machine to build on with xbuild node add NAME ENDPOINT',
  dap: 'See what a build would do with xbuild plan, and the causes of errors with xbuild build --debug',
  debug: 'See what a build would do with xbuild plan, and the causes of errors with xbuild build --debug',
  'dial-stdio': 'Name the address of the machine: xbuild node add NAME ENDPOINT',
  farm: 'Add the machines with xbuild node add NAME ENDPOINT; each build then uses them',
  images: 'See images with xbuild du --verbose --filter type=image',
  imagetools: 'Use xbuild image create and xbuild image inspect',
  inspect: 'See a machine with xbuild node inspect NAME',
  install: 'Register emulators with xbuild qemu install; xbuild itself needs no bootstrap',
  load: 'Give a build to the Docker Engine with xbuild build --load',
  login: 'Log in with docker login, podman login or skopeo login; xbuild reads their config.json',
  logout: 'Log out with the program that you logged in with',
  ls: 'See machines with xbuild node ls, and what the store holds with xbuild du',
  manifest:
    'xbuild build --platform A,B --push writes one index for all platforms; xbuild image create combines images that are there',
  policy: 'Sources have no policies; xbuild help trust explains how to accept the settings of a project',
  pull: 'Base images are fetched by the build; xbuild build --pull asks the registry for newer ones',
  push: 'Push with the build: xbuild build --tag NAME --push PATH. What is unchanged is not built again',
  rm: 'Remove a machine with xbuild node rm NAME, and build cache with xbuild prune',
  rmi: 'Remove images with xbuild prune --all',
  run: 'Give the image to an engine with xbuild build --load, and use docker run',
  save: 'Write the image to a file with xbuild build --output type=docker,dest=FILE or type=oci,dest=FILE',
  stop: 'No builder runs in the background, so there is none to stop. Take a machine out with xbuild node rm NAME',
  tag: 'Give the names with the build: xbuild build --tag NAME --tag OTHER PATH. What is unchanged is not built again',
  uninstall: 'Remove emulators with xbuild qemu uninstall',
  use: 'Choose machines for every build with xbuild node use NAME, or for one with xbuild build --builder NAME',
}

/** Throws BAD_OPTION when the first word is a command of another tool: it is not taken for a folder. */
export function checkReserved(word: string | undefined): void {
  if (word === undefined || !Object.hasOwn(RESERVED, word)) return
  throw usageError(
    `Cannot run "xbuild ${word}": xbuild has no such command`,
    `${RESERVED[word]}. For the folder "${word}" write ./${word}`,
  )
}

/** The name of a command that help is asked for. Throws BAD_OPTION. */
export function findCommand(word: string, commands: readonly string[]): string {
  if (commands.includes(word)) return word
  checkReserved(word)
  const near = suggest(word, commands)
  throw usageError(
    `Cannot show help for "${word}": unknown command`,
    near ? `Did you mean xbuild help ${near}?` : `The commands are ${commands.join(', ')}`,
  )
}
