import { BAKE_FLAGS, readBakeCommand } from '../config/bake/flags.ts'
import { readBuildLine, readPlanLine } from '../config/build-line.ts'
import { CI_FLAGS } from '../config/ci-flags.ts'
import { readCiCommand } from '../config/ci-line.ts'
import { BUILD_CLI_FLAGS } from '../config/cli-flags.ts'
import { COMPOSE_FLAGS, readComposeCommand } from '../config/compose/flags.ts'
import { sessionTexts } from '../config/images/flags.ts'
import { DOCTOR_FLAGS, readDoctorCommand } from '../config/doctor-flags.ts'
import type { FileConfig } from '../config/file.ts'
import { FLAGS } from '../config/flags.ts'
import { HISTORY_FLAGS, readHistoryCommand, readResumeCommand, RESUME_FLAGS } from '../config/history-flags.ts'
import { INIT_FLAGS, readInitCommand } from '../config/init/flags.ts'
import { NODE_FLAGS, readNodeCommand } from '../config/node-flags.ts'
import { PACK_FLAGS, readPackCommand } from '../config/pack-flags.ts'
import { QEMU_FLAGS, readQemuCommand } from '../config/qemu-flags.ts'
import { DU_FLAGS, PRUNE_FLAGS, readStoreCommand } from '../config/store-flags.ts'
import { readSuggestCommand, SUGGEST_FLAGS } from '../config/suggest-flags.ts'
import { readTrustCommand, TRUST_FLAGS } from '../config/trust-flags.ts'
import { LATER_FLAGS } from '../config/unsupported.ts'
import { version } from '../version.ts'
import { defineCommand, type Command } from './command.ts'
import { imageCommand } from './image/command.ts'
import { print } from './print.ts'
import { findCommand } from './reserved.ts'
import type { Terminal } from './terminal.ts'

const EXAMPLES = `Examples:
  # One image for two platforms, into the store
  xbuild --platform linux/amd64,linux/arm64 -t hello .

  # Build and push to a registry
  xbuild --platform linux/amd64,linux/arm64 -t registry.example/team/hello:1.0 --push .

  # All images that the xbuild.yaml of this folder names, or some of them
  xbuild
  xbuild web api

  # An OCI image layout in a folder, from another Dockerfile
  xbuild -f deploy/Dockerfile -o type=oci,dest=out .
`

const build = {
  flags: { ...FLAGS, ...BUILD_CLI_FLAGS },
  laterFlags: LATER_FLAGS,
  isLong: true,
  fromFile: ({ values }: FileConfig) => values,
}

const storeOf = ({ values: { store } }: FileConfig) => ({ store })

/**
 * The table of commands: the parser, `xbuild help`, the program and docs/cli read nothing else. The first command is
 * meant when none is named. Each loads its code when it runs.
 */
export const COMMANDS: readonly Command[] = [
  defineCommand({
    ...build,
    name: 'build',
    usage: 'xbuild [build] [OPTIONS] PATH | [IMAGE...]',
    help: 'Build the Dockerfile in PATH into one image for all platforms, or the images that xbuild.yaml names.',
    flags: { ...build.flags, json: { ...BUILD_CLI_FLAGS.json, hidden: true } },
    examples: EXAMPLES,
    read: readBuildLine,
    run: async (line, terminal, commands, calling) => {
      if ('images' in line) return (await import('./images.ts')).runFileImages(line.images, terminal, calling)
      if ('topic' in line) return showHelp(undefined, terminal, commands)
      if ('shown' in line) return (await import('./images.ts')).showImage(line.shown, terminal)
      const { options, call } = line
      try {
        return call
          ? await (await import('./call.ts')).runCall({ options, call }, terminal)
          : await (await import('./build.ts')).runBuild(options, terminal, calling)
      } catch (error) {
        const names = commands.map(({ name }) => name)
        throw (await import('./mistyped.ts')).forMistyped(error, options, names)
      }
    },
  }),
  defineCommand({
    ...build,
    name: 'plan',
    usage: 'xbuild plan [OPTIONS] PATH | [IMAGE...]',
    help: 'Show how each stage would be built for each platform, and why. Nothing is built.',
    read: readPlanLine,
    run: async (line, terminal) =>
      'images' in line
        ? (await import('./images.ts')).planFileImages(line.images, terminal)
        : (await import('./plan.ts')).runPlan(line, terminal),
  }),
  defineCommand({
    name: 'compose',
    usage: 'xbuild compose build|config [OPTIONS] [SERVICE...]',
    help: 'Build the images of the services in compose files, all of them in one run.',
    flags: COMPOSE_FLAGS,
    isLong: true,
    fromFile: sessionTexts,
    read: (values, input) => ({ options: readComposeCommand(values, input) }),
    run: async ({ options }, terminal, _, calling) =>
      (await import('./compose.ts')).runCompose(options, terminal, calling),
  }),
  defineCommand({
    name: 'bake',
    usage: 'xbuild bake [OPTIONS] [URL] [TARGET...]',
    help: 'Build the targets of bake files such as docker-bake.hcl, all of them in one run.',
    flags: BAKE_FLAGS,
    isLong: true,
    fromFile: sessionTexts,
    read: (values, input) => ({ options: readBakeCommand(values, input) }),
    run: async ({ options }, terminal, _, calling) => (await import('./bake.ts')).runBake(options, terminal, calling),
  }),
  defineCommand({
    name: 'ci',
    usage: 'xbuild ci plan|build|merge [OPTIONS] [PATH | FOLDER...]',
    help: 'Spread a build over the runners of a CI service: plan its jobs, build the part of one, merge them.',
    flags: CI_FLAGS,
    isLong: true,
    fromFile: build.fromFile,
    read: readCiCommand,
    run: async (command, terminal, _, calling) => (await import('./ci/ci.ts')).runCi(command, terminal, calling),
  }),
  defineCommand({
    name: 'init',
    usage: 'xbuild init [OPTIONS]',
    help: 'Write an xbuild.yaml that builds what the Dockerfiles, compose or bake files of this folder build.',
    flags: INIT_FLAGS,
    withoutConfig: true,
    read: (values, input) => ({ options: readInitCommand(values, input) }),
    run: async ({ options }, terminal) => (await import('./init.ts')).runInit(options, terminal),
  }),
  defineCommand({
    name: 'suggest',
    usage: 'xbuild suggest [OPTIONS] [PATH]',
    help: 'Print the smallest change, as a diff, that makes build stages cross-compile.',
    flags: SUGGEST_FLAGS,
    fromFile: ({ values: { file, platforms, target, buildArgs } }) => ({ file, platforms, target, buildArgs }),
    read: (values, { words, cwd }) => ({ options: readSuggestCommand(words, values, cwd) }),
    run: async ({ options }, terminal) => (await import('./suggest.ts')).runSuggest(options, terminal),
  }),
  defineCommand({
    name: 'history',
    usage: 'xbuild history [ls | show [RUN] | logs [RUN] | rm RUN...]',
    help: 'Show what earlier runs did: plan, outcomes, digests and logs.',
    flags: HISTORY_FLAGS,
    fromFile: storeOf,
    read: (values, input) => ({ options: readHistoryCommand(values, input) }),
    run: async ({ options }, terminal) => (await import('./history.ts')).runHistory(options, terminal),
  }),
  defineCommand({
    name: 'resume',
    usage: 'xbuild resume [OPTIONS] [RUN]',
    help: 'Go on with a run that failed or was stopped: only what is not done is built and published.',
    flags: RESUME_FLAGS,
    fromFile: storeOf,
    read: (values, input) => ({ options: readResumeCommand(values, input) }),
    run: async ({ options }, terminal, commands) =>
      (await import('./resume.ts')).runResume(options, terminal, commands),
  }),
  defineCommand({
    name: 'du',
    usage: 'xbuild du [OPTIONS]',
    help: 'Show what the store holds, and how much of it can be removed.',
    flags: DU_FLAGS,
    fromFile: storeOf,
    read: (values, input) => ({ options: readStoreCommand(values, input) }),
    run: async ({ options }, terminal) => (await import('./du.ts')).runDu(options, terminal),
  }),
  defineCommand({
    name: 'prune',
    usage: 'xbuild prune [OPTIONS]',
    help: 'Remove build cache that no image with a name needs.',
    flags: PRUNE_FLAGS,
    fromFile: storeOf,
    read: (values, input) => ({ options: readStoreCommand(values, input) }),
    run: async ({ options }, terminal) => (await import('./prune.ts')).runPrune(options, terminal),
  }),
  imageCommand(async (command, terminal) => (await import('./image/image.ts')).runImage(command, terminal)),
  defineCommand({
    name: 'node',
    usage: 'xbuild node [ls | inspect NAME | add NAME ENDPOINT | rm NAME | use NAME...]',
    help: 'Show, add and remove machines to build on.',
    flags: NODE_FLAGS,
    fromFile: storeOf,
    read: (values, { words, file, cwd }) => ({
      options: readNodeCommand(words, values, { configured: file?.nodes ?? [], cwd }),
    }),
    run: async ({ options }, terminal) => (await import('./node.ts')).runNode(options, terminal),
  }),
  defineCommand({
    name: 'pack',
    usage: 'xbuild pack [ls | build RECIPE[@VERSION]... | verify | rm | push REF | pull REF@DIGEST] [PACK...]',
    help: 'Show, make, check, remove, publish and fetch native toolchains for emulated steps.',
    flags: PACK_FLAGS,
    fromFile: storeOf,
    read: (values, { words, cwd, file }) => ({
      options: readPackCommand(words, values, { cwd, registries: file?.registries }),
    }),
    run: async ({ options }, terminal) => (await import('./pack.ts')).runPack(options, terminal),
  }),
  defineCommand({
    name: 'qemu',
    usage: 'xbuild qemu [status | install | uninstall] [ARCH...]',
    help: 'Show, register and remove handlers of the whole machine for programs of other CPUs.',
    flags: QEMU_FLAGS,
    read: (values, { words }) => ({ options: readQemuCommand(words, values) }),
    run: async ({ options }, terminal) => (await import('./qemu.ts')).runQemu(options, terminal),
  }),
  defineCommand({
    name: 'doctor',
    usage: 'xbuild doctor [OPTIONS] [REGISTRY...]',
    help: 'Check this machine, its nodes and registries for problems that prevent builds, and print how to fix them.',
    flags: DOCTOR_FLAGS,
    fromFile: ({ values, platforms = [] }) => ({
      platforms: [...(values.platforms ?? []), ...platforms.map(({ text }) => text)],
      store: values.store,
    }),
    read: (values, input) => ({ options: readDoctorCommand(values, input) }),
    run: async ({ options }, terminal) => (await import('./doctor.ts')).runDoctor(options, terminal),
  }),
  defineCommand({
    name: 'trust',
    usage: 'xbuild trust [--list | --revoke] [FILE]',
    help: 'Accept the settings in xbuild.yaml, compose and bake files that need permission, until the file changes.',
    flags: TRUST_FLAGS,
    withoutConfig: true,
    read: (values, input) => ({ options: readTrustCommand(input.words, values, input) }),
    run: async ({ options }, terminal) => (await import('./trust.ts')).runTrust(options, terminal),
  }),
  defineCommand({
    name: 'version',
    usage: 'xbuild version',
    help: 'Print the version.',
    flags: {},
    withoutConfig: true,
    read: () => ({}),
    run: async (_, { stdout }) => {
      await print(stdout, `xbuild ${version()}\n`)
      return 0
    },
  }),
  defineCommand({
    name: 'help',
    usage: 'xbuild help [COMMAND]',
    help: 'Show help.',
    flags: {},
    withoutConfig: true,
    read: (_, { words: [topic], commands }) => (topic === undefined ? {} : { topic: findCommand(topic, commands) }),
    run: async ({ topic }: { readonly topic?: string }, terminal, commands) => showHelp(topic, terminal, commands),
  }),
]

async function showHelp(
  topic: string | undefined,
  { stdout }: Terminal,
  commands: readonly Command[],
): Promise<number> {
  const { formatHelp } = await import('./help.ts')
  await print(stdout, formatHelp(commands, topic))
  return 0
}
