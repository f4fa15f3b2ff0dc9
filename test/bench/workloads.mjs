import { createCipheriv } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../examples/setup/places.mjs'
import { runOk } from '../../examples/setup/process.mjs'
import { APT, debianBase } from '../support/debian-base.mjs'

const FILES = 20_000

/**
 * What is measured. `prepare` writes a context and gives its folder; `before` makes a run cold, and may give the
 * folder another name;
 * `command` is the command line of a peer, or nothing when it does not take part; `aim` is what we want to reach
 * beside a peer; `beside` is how often it runs beside another version of xbuild.
 */
export const WORKLOADS = {
  version: {
    title: 'the start of the program: xbuild --version beside node -e 0',
    runs: 15,
    beside: 25,
    command: (peer) => peer.say,
    aim: (peer) => (peer === 'node' ? { ratio: 1.5 } : undefined),
  },
  small: {
    title: 'a small image, nothing changed, OCI folder out',
    runs: 5,
    beside: 25,
    prepare: ({ work, base }) =>
      context(
        work,
        'small',
        `FROM ${base}\nCOPY hello.txt /\nRUN cat /hello.txt && uname -m > /machine\nCMD ["cat", "/machine"]\n`,
        { 'hello.txt': 'hello\n' },
      ),
    command: (peer, { context: folder }) => peer.build?.(folder, { cache: true }),
    aim: (peer) => (peer === 'buildx' ? { ratio: 0.3 } : undefined),
  },
  first: {
    title: 'six small steps for this machine, caches empty, OCI folder out',
    runs: 5,
    beside: 15,
    cold: true,
    prepare: ({ work, base }) =>
      context(
        work,
        'first',
        `FROM ${base} AS one\nCOPY hello.txt /\nRUN cat /hello.txt > /1\nRUN echo 2 > /2\nFROM ${base}\nCOPY --from=one /1 /2 /\nRUN cat /1 /2 > /3\nWORKDIR /work\nRUN echo 4 > 4\n`,
        { 'hello.txt': 'hello\n' },
      ),
    before: empty,
    command: (peer, { context: folder }) => peer.first?.(folder),
  },
  stages: {
    title: 'six independent stages of `sleep 2`, without cache',
    runs: 3,
    prepare: ({ work, base }) => context(work, 'stages', sleepers(base)),
    command: (peer, { context: folder }) => peer.build?.(folder, { cache: false }),
    aim: (peer) => (peer === 'xbuild' ? { seconds: 4 } : undefined),
  },
  network: {
    title: 'one step without cache, on a network of its own, beside the network of the machine',
    runs: 9,
    beside: 15,
    prepare: ({ work, base }) => context(work, 'network', `FROM ${base}\nRUN cat /proc/net/route\n`),
    command: (peer, { context: folder }) => peer.step?.(folder),
    aim: (peer) => (peer === 'xbuild-host' ? { more: 0.06 } : undefined),
  },
  files: {
    title: 'a context of 20,000 files and 500 MB, nothing changed',
    runs: 3,
    prepare: manyFiles,
    command: (peer, { context: folder }) => peer.build?.(folder, { cache: true }),
    aim: (peer) => (peer === 'buildx' ? { ratio: 0.05 } : undefined),
  },
  cold: {
    title: 'the same context, caches empty',
    runs: 2,
    cold: true,
    prepare: manyFiles,
    async before(peer, { context: folder, run }) {
      await peer.forget?.()
      return renamed(folder, `${peer.name}-${run}`)
    },
    command: (peer, { context: folder }) => peer.build?.(folder, { cache: false }),
    aim: (peer) => (peer === 'buildx' ? { ratio: 0.6 } : undefined),
  },
  pack: {
    title: 'a layer of 1 GB made of 4,000 files, caches empty',
    runs: 2,
    cold: true,
    prepare: largeTree,
    before: empty,
    command: (peer, { context: folder }) => (peer.forget ? peer.build(folder, { cache: false }) : undefined),
    aim: (peer) => (peer === 'buildah' ? { ratio: 1 } : undefined),
  },
  unpack: {
    title: 'a step on an image with that layer, caches empty',
    runs: 2,
    cold: true,
    prepare: onLargeLayer,
    before: empty,
    command: (peer, { context: folder }) => (peer.forget ? peer.build(folder, { cache: false }) : undefined),
    aim: (peer) => (peer === 'buildah' ? { ratio: 1 } : undefined),
  },
  audit: {
    title: 'COPY and RUN on a Debian of many programs, which the audit looks at, caches empty',
    runs: 5,
    beside: 15,
    cold: true,
    prepare: onDebian,
    before: empty,
    command: (peer, { context: folder }) => peer.first?.(folder),
  },
  'bake-3': bakeWorkload(3, 0.5),
  'bake-100': bakeWorkload(100, 0.3),
  create: {
    title: 'an index of two images that are in another repository of the registry, under a new tag',
    runs: 15,
    prepare: ({ base }) => imagesOf(base),
    command: (peer, { context: { host, images }, run }) =>
      peer.create?.(`${host}/created-by-${peer.name}:run${run}-${process.pid}`, images),
    aim: (peer) => (peer === 'buildx' ? { ratio: 0.6 } : undefined),
  },
  'node-small': {
    title: 'a small image, nothing changed, built by a BuildKit node, OCI folder out',
    runs: 5,
    prepare: ({ work, base }) =>
      context(work, 'node-small', `FROM ${base}\nCOPY hello.txt /\nRUN cat /hello.txt > /copy\n`, {
        'hello.txt': 'hello\n',
      }),
    command: (peer, { context: folder }) => peer.onNode?.(folder, { cache: true, output: true }),
    aim: (peer) => (peer === 'buildx' ? { ratio: 0.7 } : undefined),
  },
  'node-same': {
    title: 'the context of 20,000 files and 500 MB on a BuildKit node, nothing changed, OCI folder out',
    runs: 5,
    prepare: manyFiles,
    command: (peer, { context: folder }) => peer.onNode?.(folder, { cache: true, output: true }),
    aim: (peer) => (peer === 'buildx' ? { ratio: 0.7 } : undefined),
  },
  'node-upload': {
    title: 'that context sent anew, to a BuildKit node that knows what becomes of it',
    runs: 3,
    prepare: manyFiles,
    before: (peer, { context: folder, run }) => renamed(folder, `${peer.name}-up-${process.pid}-${run}`),
    command: (peer, { context: folder }) => peer.onNode?.(folder, { cache: true, output: false }),
    aim: (peer) => (peer === 'buildx' ? { ratio: 0.9 } : undefined),
  },
  'node-cold': {
    title: 'that context sent to a node for the first time, and the image of 500 MB brought back as an OCI folder',
    runs: 2,
    cold: true,
    prepare: manyFiles,
    before: (peer, { context: folder, run }) => renamed(folder, `${peer.name}-cold-${process.pid}-${run}`),
    command: (peer, { context: folder }) => peer.onNode?.(folder, { cache: false, output: true }),
    aim: (peer) => (peer === 'buildx' ? { ratio: 1 } : undefined),
  },
}

/** Services of one Dockerfile on a shared stage, of which nothing has changed, each pushed to its own repository. */
function bakeWorkload(count, ratio) {
  const targets = Array.from({ length: count }, (_, index) => `s${index}`)
  return {
    title: `a bake file of ${count} services on a shared base, nothing changed, pushed`,
    runs: 3,
    prepare: ({ work, base }) => {
      const lines = targets.map((name) => `FROM base AS ${name}\nCOPY ${name} /app\nLABEL service=${name}\n`)
      const [host] = base.split('/')
      const blocks = targets.map(
        (name) => `target "${name}" {\n  target = "${name}"\n  tags = ["${host}/\${PEER}-${count}-${name}:1"]\n}\n`,
      )
      return context(work, `bake-${count}`, `FROM ${base} AS base\nCOPY shared /shared\n${lines.join('')}`, {
        'docker-bake.hcl': `variable "PEER" {}\ngroup "default" { targets = ${JSON.stringify(targets)} }\n${blocks.join('')}`,
        shared: 'shared\n'.repeat(10_000),
        ...Object.fromEntries(targets.map((name) => [name, `${name}\n`.repeat(2000)])),
      })
    },
    command: (peer, { context: folder }) => peer.bake?.(folder, { targets }),
    aim: (peer) => (peer === 'buildx' ? { ratio } : undefined),
    /** What xbuild says when all is planned, and how soon it should. */
    planned: { text: '"type":"job.start"', seconds: 1.5 },
  }
}

/** The images of an index, by digest. */
async function imagesOf(base) {
  const [, host, repository, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(base)
  const accept = 'application/vnd.oci.image.index.v1+json'
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } })
  const { manifests } = await response.json()
  return { host, images: manifests.slice(0, 2).map(({ digest }) => `${host}/${repository}@${digest}`) }
}

/** The name that the large context has now: BuildKit knows a context it has seen by its name. */
let current

function renamed(folder, name) {
  const other = `${folder}-${name}`
  renameSync(current ?? folder, other)
  current = other
  return other
}

async function empty(peer) {
  await peer.forget?.()
}

function sleepers(base) {
  const numbers = [1, 2, 3, 4, 5, 6]
  const stages = numbers.map((n) => `FROM ${base} AS s${n}\nRUN sleep 2 && echo ${n} > /out${n}\n`)
  return `${stages.join('\n')}\nFROM ${base}\n${numbers.map((n) => `COPY --from=s${n} /out${n} /\n`).join('')}`
}

function context(work, name, dockerfile, files = {}) {
  const folder = join(work, `context-${name}`)
  mkdirSync(folder, { recursive: true })
  for (const [path, text] of Object.entries({ Dockerfile: dockerfile, ...files }))
    writeFileSync(join(folder, path), text)
  return folder
}

// The same bytes on every machine: half of the files like text, half like compressed data, sizes of mean 25 kB with a
// long tail
function manyFiles({ work, base }) {
  const folder = join(work, 'context-files')
  if (current) renameSync(current, folder)
  current = undefined
  if (!existsSync(join(folder, 'complete'))) {
    const random = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2))
    for (let i = 0; i < FILES; i++) {
      const inner = join(folder, 'files', `d${Math.floor(i / 1000)}`, `s${Math.floor(i / 100) % 10}`)
      if (i % 100 === 0) mkdirSync(inner, { recursive: true })
      const share = (random.update(Buffer.alloc(4)).readUInt32LE() + 1) / 2 ** 32
      const size = Math.min(400_000, Math.floor(9400 * share ** (-1 / 1.6)))
      const bytes = random.update(Buffer.alloc(size))
      const text = () =>
        bytes
          .subarray(0, Math.ceil(size * 0.75))
          .toString('base64')
          .replaceAll(/.{76}/g, '$&\n')
      writeFileSync(join(inner, i % 2 ? `f${i}.bin` : `f${i}.txt`), i % 2 ? bytes : text())
    }
    writeFileSync(join(folder, 'complete'), '')
  }
  writeFileSync(join(folder, 'Dockerfile'), `FROM ${base}\nCOPY files /src\n`)
  return folder
}

// Every other file like text, the others like compressed data
function largeTree({ work, base }) {
  const folder = context(work, 'large', `FROM ${base}\nCOPY files /files\n`)
  if (existsSync(join(folder, 'complete'))) return folder
  const random = createCipheriv('aes-128-ctr', Buffer.alloc(16, 3), Buffer.alloc(16, 4))
  for (let i = 0; i < 4000; i++) {
    const inner = join(folder, 'files', `d${i % 40}`)
    if (i < 40) mkdirSync(inner, { recursive: true })
    const bytes = random.update(Buffer.alloc(256 << 10))
    writeFileSync(join(inner, `f${i}`), i % 2 ? bytes : bytes.subarray(0, 192 << 10).toString('base64'))
  }
  writeFileSync(join(folder, 'complete'), '')
  return folder
}

/** A Debian as projects are often built on, in the registry of the benchmark. */
async function onDebian({ work, base }) {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch]
  const layout = await debianBase('bench', { architectures: [architecture], packages: [...APT, 'curl', 'git'] })
  const image = base.replace(/[^/]+$/, 'debian:1')
  await runOk('skopeo', ['copy', '--quiet', '--all', '--dest-tls-verify=false', `oci:${layout}`, `docker://${image}`])
  return context(work, 'debian', `FROM ${image}\nCOPY hello.txt /\nRUN cat /hello.txt > /copy\n`, {
    'hello.txt': 'hello\n',
  })
}

/** The layer is in the registry already, pushed once. */
async function onLargeLayer({ work, base, platform }) {
  const image = base.replace(/[^/]+$/, 'large:1')
  if (!existsSync(join(work, 'large-pushed'))) {
    await runOk(process.execPath, [
      join(root, 'dist/xbuild.cjs'),
      '--platform',
      platform,
      '-t',
      image,
      '--push',
      '--store',
      join(work, 'large-store'),
      largeTree({ work, base }),
    ])
    rmSync(join(work, 'large-store'), { recursive: true, force: true })
    writeFileSync(join(work, 'large-pushed'), '')
  }
  return context(work, 'on-large', `FROM ${image}\nRUN test -e /files/d0/f0 && touch /done\n`)
}
