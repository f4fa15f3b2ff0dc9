import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { root } from '../../examples/setup/places.mjs'
import { findProgram, run, runOk, Stop } from '../../examples/setup/process.mjs'

/**
 * Who is compared. `build(context, { cache })` is the command line that makes an OCI layout folder of a context,
 * `clear()` removes that folder, `forget()` empties its caches where that touches nothing but the benchmark's own.
 * `step(context)` builds for this machine alone; `first(context)` does so into a folder, without what is known of
 * earlier builds.
 * `bake(context, { targets })` builds and pushes the targets of a bake file there; repositories begin with the peer's
 * name.
 * `create(name, images)` puts an index together in a registry.
 * `onNode(context, { cache, output })` builds for one platform on the daemon that docker buildx builds on; without
 * `output` the result stays there.
 */
export async function findPeers({ work, platform, only, before }) {
  const own = xbuild({ work, platform })
  const older = before === undefined ? undefined : await earlier({ work, platform, checkout: before })
  const all = [
    own,
    older,
    onHostNetwork(own),
    await buildx({ work, platform }),
    await buildah({ work, platform }),
    node(),
  ]
  return all.filter((peer) => peer && (!only || only.includes(peer.name)))
}

function xbuild({ work, platform, name = 'xbuild', checkout = root }) {
  const node = process.env.XBUILD_BENCH_NODE ?? process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock'
  const program = join(checkout, 'dist/xbuild.cjs')
  const store = join(work, `${name}-store`)
  const out = join(work, `out-${name}`)
  // Each version keeps compiled code of its own, and would remove that of the other
  const env = { XBUILD_HOME: store, XDG_CACHE_HOME: join(work, `${name}-cache`) }
  return {
    name,
    version: process.env.npm_package_version,
    say: { argv: [process.execPath, program, '--version'], env },
    build: (context, { cache }) => ({
      argv: [
        process.execPath,
        program,
        '--platform',
        platform,
        ...(cache ? [] : ['--no-cache']),
        '-o',
        `type=oci,dest=${out}`,
        context,
      ],
      env,
    }),
    step: (context) => ({
      argv: [process.execPath, program, '--no-cache', '-o', 'type=cacheonly', context],
      env,
    }),
    first: (context) => ({
      argv: [process.execPath, program, '-o', `type=oci,dest=${out}`, context],
      env,
    }),
    onNode: (context, { cache, output }) => ({
      argv: [
        process.execPath,
        program,
        '--builder',
        node,
        '--network=host',
        ...(cache ? [] : ['--no-cache']),
        '-o',
        output ? `type=oci,dest=${out}` : 'type=cacheonly',
        context,
      ],
      env,
    }),
    bake: (context) => ({
      argv: [process.execPath, program, 'bake', '--builder', 'local', '--progress', 'rawjson', '--push'],
      env: { ...env, PEER: name },
      cwd: context,
    }),
    create: (name, images) => ({ argv: [process.execPath, program, 'image', 'create', '-t', name, ...images], env }),
    clear: () => remove(out),
    forget: () => remove(store),
  }
}

/** Another version of xbuild, as far as it has what is measured. */
async function earlier({ work, platform, checkout }) {
  const program = join(checkout, 'dist/xbuild.cjs')
  if (!existsSync(program)) throw new Stop(`There is no ${program}: run npm ci && npm run build in ${checkout}`)
  const peer = xbuild({ work, platform, name: 'before', checkout: resolve(checkout) })
  const help = await run(process.execPath, [program, 'bake', '--help'])
  const bakes = help.code === 0 && help.stdout.includes('xbuild bake [')
  return { ...peer, version: checkout, ...(bakes ? {} : { bake: undefined }) }
}

/** xbuild, without a network of the build's own. */
function onHostNetwork(xbuild) {
  const step = (context) => {
    const { argv, env } = xbuild.step(context)
    return { argv: [...argv, '--network=host'], env }
  }
  return { name: 'xbuild-host', version: xbuild.version, step }
}

const BAKED_AT_ONCE = 25

async function buildx({ work, platform }) {
  const command = await buildxCommand()
  if (!command) return undefined
  const { stdout } = await run(command[0], [...command.slice(1), 'version'])
  const out = join(work, 'out-buildx')
  return {
    name: 'buildx',
    version: stdout.trim(),
    build: (context, { cache }) => ({
      argv: [
        ...command,
        'build',
        '--progress=plain',
        '--network=host',
        '--provenance=false',
        '--platform',
        platform,
        ...(cache ? [] : ['--no-cache']),
        '--output',
        `type=oci,dest=${out},tar=false`,
        context,
      ],
    }),
    onNode: (context, { cache, output }) => ({
      argv: [
        ...command,
        'build',
        '--progress=plain',
        '--network=host',
        '--provenance=false',
        ...(cache ? [] : ['--no-cache']),
        '--output',
        output ? `type=oci,dest=${out},tar=false` : 'type=cacheonly',
        context,
      ],
    }),
    // More targets at a time than this end with "no such job" on a small machine
    bake: (context, { targets }) => ({
      argv: [
        'sh',
        '-ec',
        `while [ $# -gt 0 ]; do
           n=0; some=; while [ $# -gt 0 ] && [ $n -lt ${BAKED_AT_ONCE} ]; do some="$some $1"; shift; n=$((n + 1)); done
           ${command.join(' ')} bake --progress=plain --set '*.attest=type=provenance,disabled=true' --push $some
         done`,
        'sh',
        ...targets,
      ],
      env: { PEER: 'buildx' },
      cwd: context,
    }),
    create: (name, images) => ({ argv: [...command, 'imagetools', 'create', '-t', name, ...images] }),
    clear: () => remove(out),
    // No `forget`: its cache is the user's. A cold run gets a context of another name instead
  }
}

function remove(folder) {
  rmSync(folder, { recursive: true, force: true })
}

async function buildxCommand() {
  const named = process.env.XBUILD_BENCH_BUILDX?.split(' ').filter(Boolean)
  if (named?.length) return named
  if (!findProgram('docker')) return undefined
  return (await run('docker', ['buildx', 'inspect'])).code === 0 ? ['docker', 'buildx'] : undefined
}

async function buildah({ work, platform }) {
  if (!findProgram('buildah')) return undefined
  const own = `--root ${join(work, 'buildah')} --runroot ${join(work, 'buildah-run')}`
  const out = join(work, 'out-buildah')
  const { stdout } = await run('buildah', ['--version'])
  // As root it mounts its storage and leaves it so: in a namespace of its own that ends with it
  const apart = process.getuid() === 0 ? ['unshare', '--mount'] : []
  return {
    name: 'buildah',
    version: stdout.trim(),
    // It keeps layers and runs stages at the same time only when asked; the layout is written by a second command
    build: (context, { cache }) => ({
      argv: [
        ...apart,
        'sh',
        '-ec',
        `buildah ${own} build --layers --jobs 12 --network host --tls-verify=false --platform ${platform} ${cache ? '' : '--no-cache'} --manifest bench "$1"
         buildah ${own} manifest push -q --all bench oci:${out}; buildah ${own} manifest rm bench`,
        'sh',
        context,
      ],
    }),
    clear: () => remove(out),
    forget: () => runOk('sh', ['-c', `${apart.join(' ')} buildah ${own} rmi --all --force`]),
  }
}

function node() {
  return { name: 'node', version: process.version, say: { argv: [process.execPath, '-e', '0'] } }
}
