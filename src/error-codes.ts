/** What an error code means, for people. */
export interface CodeMeaning {
  /** What happened, one sentence. */
  readonly cause: string
  /** What to do, one sentence or two. */
  readonly wayOut: string
  /** Exit code of the program; 1 when it is not said. */
  readonly exitCode?: 1 | 2 | 130
}

/** Every error code; docs/errors.md is made of this table. The first word of the name says who has to act. */
export const ERROR_CODES = {
  BAD_OPTION: {
    cause: 'A flag, an option of the library, an environment variable or a settings file has a wrong value.',
    wayOut: 'Correct the value that the message names. See `xbuild help COMMAND`.',
    exitCode: 2,
  },
  BAD_PLATFORM: {
    cause: 'A platform is not written as `os/arch[/variant]`, or its parts are unknown.',
    wayOut: 'Write it like `linux/arm64` or `linux/arm/v7`.',
    exitCode: 2,
  },
  WRONG_PROGRAM: {
    cause:
      'An image has a program that does not run on its platform, and its command, PATH or another program starts it.',
    wayOut:
      'Follow the hint. `--audit-except PATTERN` leaves paths alone, `--audit=warn` publishes the image and only warns.',
  },
  TEST_FAILED: {
    cause: 'A command of `--test` failed in the finished image of a platform. Nothing was published.',
    wayOut:
      'Read the last lines of the command. The image stays in the build cache: the next build only runs the test.',
  },
  NOT_REPRODUCIBLE: {
    cause: 'With `--check-reproducible`, two builds of an image gave different digests. Nothing was published.',
    wayOut:
      'Look at the file and the line that the message names. Set `SOURCE_DATE_EPOCH`; keep times, random names and changing downloads out of files.',
  },
  BAD_REFERENCE: {
    cause: 'The name of an image is not a valid reference.',
    wayOut: 'Write it like `registry.example/team/name:tag`, in lower case, without a scheme.',
  },
  BAD_DOCKERFILE: {
    cause: 'The Dockerfile has an error: its syntax, an unknown instruction or stage, or stages that need each other.',
    wayOut: 'Correct the line that the message names. `xbuild --check PATH` shows all problems and builds nothing.',
  },
  UNSUPPORTED: {
    cause: 'What is asked for is valid, and this version of xbuild, or the engine that builds, cannot do it.',
    wayOut: 'Follow the hint. Another node may be able to do it: name one with `--builder`.',
  },
  NOT_FOUND: {
    cause: 'A file, a folder, a stage or an image is not there.',
    wayOut: 'Check the name. A file that a `COPY` names may be left out by `.dockerignore`.',
  },
  OUTSIDE_CONTEXT: {
    cause: 'A path leads out of the folder that it must stay in, often through a symbolic link.',
    wayOut: 'Put the file into the context, or give its folder with `--build-context NAME=FOLDER`.',
  },
  NO_NODE: {
    cause: 'No machine can build the platform: natively, with a cross compiler, or emulated.',
    wayOut:
      'Install QEMU (`apt-get install qemu-user-static`), or add a machine with `xbuild node add`. `xbuild plan` says why for each.',
  },
  NO_PLATFORM: {
    cause: 'A base image has no image for the platform.',
    wayOut:
      'Take another base image or tag, leave the platform out, or name a base for this platform in `xbuild.yaml`.',
  },
  NODE: {
    cause:
      'A node refused the build, was lost, or its disk is full. Where another node can do the job, it is tried there.',
    wayOut: 'Look at the node with `xbuild node inspect NAME`.',
  },
  TIMEOUT: {
    cause: 'A platform or a step took longer than `--timeout` or `--silence-timeout` allows.',
    wayOut: 'Give it more time, or look for what waits in its output.',
  },
  RUN_FAILED: {
    cause: 'The program of a `RUN` ended with an exit code other than 0.',
    wayOut: 'Read the last lines of its output below the message: the error is of the program.',
  },
  EMULATOR: {
    cause: 'QEMU crashed while it ran a program of another CPU.',
    wayOut: 'Install a newer QEMU, build the step with a native toolchain (`xbuild pack`), or build on a native node.',
  },
  REGISTRY: {
    cause: 'A registry cannot be reached, refused a request, or gave an answer that breaks the specification.',
    wayOut: 'Check the network, the proxy and the name. `xbuild doctor REGISTRY` tries it. Trying again may help.',
  },
  TAG_CHANGED: {
    cause: 'A tag was changed by somebody else while the build ran, so that a push would undo their work.',
    wayOut: 'Build again. `--force` moves the tag in any case; `--append` adds platforms to what is there.',
  },
  PLATFORM_LOST: {
    cause: 'A push would remove a platform from a tag: the image that it names has it, the new one has not.',
    wayOut: 'Build all platforms, add some to the others with `--append`, or allow it with `--allow-platform-drop`.',
  },
  AUTH: {
    cause: 'A registry refused the credentials, or it wants some and there are none.',
    wayOut: 'Log in with `docker login REGISTRY`, and check that the user may pull or push.',
  },
  BAD_IMAGE: {
    cause: 'A manifest, an index, a config or a layer breaks the OCI image specification.',
    wayOut: 'Build or push that image again, or take another one.',
  },
  DIGEST_MISMATCH: {
    cause: 'The bytes that were read are not those that their digest names.',
    wayOut: 'Try again. When it stays, the registry, a proxy or the disk changes data: do not use that image.',
  },
  STORE: {
    cause: 'The store on disk cannot be used: it is full, damaged, or of a newer version.',
    wayOut:
      'Free space with `xbuild prune`, check the store with `xbuild doctor --fix`, or name another folder with `--store`.',
  },
  HOST: {
    cause: 'This machine lacks a program, a feature of the kernel, or a right.',
    wayOut: 'Follow the hint. `xbuild doctor` looks for everything that is missing.',
  },
  CONTEXT_CHANGED: {
    cause: 'A file of the context changed while it was read.',
    wayOut: 'Build again when nothing writes there, or leave the file out with `.dockerignore`.',
  },
  CANCELED: {
    cause: 'The build was stopped by a signal, or through the `AbortSignal` of the library.',
    wayOut: 'Build again: steps that ended are in the cache.',
    exitCode: 130,
  },
  INTERNAL: {
    cause: 'xbuild has a bug.',
    wayOut: 'Report the message, with the output of the same command with `--debug`.',
  },
} as const
ERROR_CODES satisfies Readonly<Record<string, CodeMeaning>>

/** What went wrong, for machines. */
export type ErrorCode = keyof typeof ERROR_CODES
