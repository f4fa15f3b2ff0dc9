/** One row of the table of src/README.md: what a folder (or file) of src/ is for, and what it may use. */
export interface Folder {
  readonly name: string
  readonly idea: string
  /** Other rows that it may import, by name, each standing for its whole row; absent: any. */
  readonly imports?: readonly string[]
  /** Packages beside those that everybody may import. */
  readonly packages?: readonly string[]
  /** It computes only: it imports pure folders, `node:crypto` and its packages. */
  readonly pure?: true
  /** What of the machine it touches by itself; a pure folder touches nothing. */
  readonly touches?: readonly Touch[]
}

/** Files (`node:fs`), the clock and timers, sockets and HTTP, the process (`process`), programs (it starts them). */
export type Touch = 'files' | 'time' | 'network' | 'process' | 'programs'

const BELOW_CONTENT = ['pure', 'host', 'registry', 'store', 'source']
const BELOW_DRIVER = [...BELOW_CONTENT, 'emulation', 'content', 'engine']

/** The folders in the order in which they may be read; 'pure' in `imports` stands for all rows that are pure. */
export const FOLDERS: readonly Folder[] = [
  { name: 'error-codes.ts', idea: 'the table of error codes', pure: true, imports: [] },
  { name: 'errors.ts', idea: 'the error class', pure: true, imports: ['error-codes.ts'] },
  { name: 'did-you-mean.ts', idea: '"did you mean"', pure: true, imports: [] },
  { name: 'compact.ts', idea: 'objects without undefined fields', pure: true, imports: [] },
  { name: 'byte-name.ts', idea: 'file names of any bytes as text', pure: true, imports: [] },
  { name: 'distinct.ts', idea: 'every item once', pure: true, imports: ['errors.ts'] },
  { name: 'events.ts', idea: 'what happens, as data', pure: true, imports: ['errors.ts'] },
  {
    name: 'platform.ts',
    idea: 'a platform as a value',
    pure: true,
    imports: ['errors.ts', 'did-you-mean.ts', 'distinct.ts'],
  },
  { name: 'oci', idea: 'the image-spec as values', pure: true, imports: ['pure'] },
  {
    name: 'dockerfile',
    idea: 'text -> typed instructions -> stage graph -> steps',
    pure: true,
    imports: ['pure'],
  },
  { name: 'plan', idea: 'facts in, `BuildPlan` out', pure: true, imports: ['pure'] },
  {
    name: 'config',
    idea:
      'one flag table, with what a file of a project may set; argv, files, environment -> `BuildOptions`; `images/`: ' +
      "an image of a project's file, the model of all such files, and the images of xbuild.yaml; `schema.ts`: the " +
      'JSON Schema of xbuild.yaml, of the same tables; `compose/` and `bake/`: compose and bake files -> that model; ' +
      '`bake/hcl/`: the language of bake files, its values and functions',
    pure: true,
    imports: ['pure'],
    packages: ['yaml', 're2js', 'bcryptjs'],
  },
  {
    name: 'provenance',
    idea: 'plan and facts of engines -> what is said of an image (SLSA)',
    pure: true,
    imports: ['pure'],
  },
  {
    name: 'audit',
    idea: "bytes of programs -> what they are made for; layers and an image's configuration -> programs that will not run",
    pure: true,
    imports: ['pure'],
  },
  {
    name: 'sbom',
    idea: 'files of layers -> packages, and a list of them (SPDX)',
    pure: true,
    imports: ['pure'],
  },
  {
    name: 'ci',
    idea: 'platforms -> the jobs of a CI service; what a job leaves for the one that merges',
    pure: true,
    imports: ['pure'],
  },
  {
    name: 'host',
    idea: 'the only door to programs of the machine; files, sockets and HTTP for the folders above',
    imports: ['errors.ts', 'compact.ts', 'byte-name.ts'],
    packages: ['execa'],
    touches: ['files', 'time', 'network', 'process', 'programs'],
  },
  {
    name: 'registry',
    idea: 'distribution-spec client',
    imports: ['pure', 'host'],
    touches: ['files', 'time'],
  },
  {
    name: 'store',
    idea: 'content on disk by digest; records; snapshots; `runs/`: the history of runs',
    imports: ['pure', 'host'],
    touches: ['files', 'time', 'network', 'process'],
  },
  {
    name: 'source',
    idea: 'what comes from elsewhere: git repositories, http files, standard input',
    imports: ['pure', 'host', 'store'],
    touches: ['files', 'time', 'network'],
  },
  {
    name: 'emulation',
    idea:
      'binfmt_misc and QEMU: find, register, probe; `packs/`: native twins of emulated compilers; `machine/`: handlers ' +
      'of the whole machine',
    imports: ['pure', 'host'],
    touches: ['files', 'time', 'network', 'process'],
  },
  {
    name: 'content',
    idea:
      'what images and trees are made of, for any engine: base images, contexts and ignore files, archives, built ' +
      'images and their blobs',
    imports: BELOW_CONTENT,
    touches: ['files', 'time', 'network', 'process'],
  },
  {
    name: 'engine',
    idea:
      'our own engine: `lower.ts` (stages -> vertices), `cache-key.ts` (what decides that a step is known), `solve.ts` ' +
      "(schedule), `execute-run.ts` and `execute-copy.ts`, layers, mounts; `worker/`: the process that works in the build's " +
      'own namespaces',
    imports: [...BELOW_CONTENT, 'emulation', 'content'],
    touches: ['files', 'time', 'network', 'process'],
  },
  {
    name: 'driver',
    idea:
      "`driver.ts` is the port; `embedded/` our engine behind it; `buildkit/` BuildKit's API; `docker/` Docker's API, " +
      'for engines without BuildKit and for images; these three do not import each other; `transports/` ways to the ' +
      'daemons',
    imports: BELOW_DRIVER,
    packages: ['@bufbuild/protobuf', 'dockerode'],
    touches: ['files', 'time', 'network', 'process'],
  },
  {
    name: 'nodes',
    idea: 'definitions -> connections -> `Node` facts, with the driver that reaches each',
    imports: [...BELOW_DRIVER, 'driver'],
    touches: ['files', 'time', 'process'],
  },
  {
    name: 'doctor',
    idea: 'machines -> findings, each with its fix; one check per file',
    imports: [...BELOW_DRIVER, 'driver', 'nodes'],
    touches: ['files', 'process'],
  },
  {
    name: 'run',
    idea: 'jobs -> outcomes, a queue per node',
    imports: ['pure', 'content', 'driver'],
    packages: ['p-queue'],
    touches: ['time'],
  },
  {
    name: 'publish',
    idea: 'outcomes -> index -> outputs; tags last',
    imports: [...BELOW_DRIVER, 'driver'],
    touches: ['files', 'time', 'process'],
  },
  {
    name: 'image',
    idea: 'images that are published: looked at, put together, copied, checked, removed',
    imports: [...BELOW_CONTENT, 'content', 'publish'],
    touches: ['files', 'time'],
  },
  {
    name: 'sign',
    idea: 'signatures of images: made, and checked, as bundles of Sigstore',
    imports: [...BELOW_CONTENT, 'content', 'publish', 'image'],
    packages: ['@sigstore/bundle', '@sigstore/protobuf-specs', '@sigstore/verify', '@noble/ciphers'],
    touches: ['files', 'time'],
  },
  {
    name: 'cache',
    idea: 'steps of other machines: read from and written to registries, folders, GitHub',
    imports: [...BELOW_DRIVER, 'driver', 'publish'],
    touches: ['files', 'time', 'network'],
  },
  {
    name: 'ui',
    idea: 'events, errors, nodes -> text; of folders that are not pure it imports types only',
    imports: ['pure', 'driver', 'nodes', 'run', 'publish', 'store', 'emulation', 'doctor', 'image'],
    packages: ['listr2'],
    touches: ['time', 'process'],
  },
  {
    name: 'session',
    idea: 'one run of the program, see above',
    imports: [...BELOW_DRIVER, 'driver', 'nodes', 'run', 'publish', 'cache', 'sign', 'version.ts'],
    touches: ['files', 'time', 'process'],
  },
  { name: 'build.ts', idea: 'the street', touches: ['time'] },
  { name: 'index.ts', idea: 'the library', touches: [] },
  { name: 'version.ts', idea: 'the version of the package', imports: [], touches: ['files'] },
  {
    name: 'cli',
    idea: 'the table of commands (`commands.ts`), one file per command',
    touches: ['files', 'time', 'process'],
  },
  {
    name: 'action',
    idea:
      'the GitHub Actions step: its inputs -> the command line, events of the build -> log, annotations, summary; ' +
      'bundled to `dist/action`, beside the program that it starts',
    touches: ['files', 'process'],
  },
]
