import { chmodSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { writeFiles } from './support/context.ts'
import { root, tempFolder } from './support/places.ts'
import { runOk } from './support/xbuild.ts'

const folder = tempFolder()
let registry: TestRegistry

beforeAll(async () => {
  registry = await startTestRegistry()
  const program = join(root, 'dist/xbuild.cjs')
  writeFiles(join(folder, 'bin'), {
    xbuild: `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`,
    // Artifacts lie where they were made
    'buildkite-agent': '#!/bin/sh\nexit 0\n',
  })
  for (const name of ['xbuild', 'buildkite-agent']) chmodSync(join(folder, 'bin', name), 0o755)
})
afterAll(() => registry.stop())

type Env = Readonly<Record<string, string>>
/** The scripts of an example: those of a leg, each leg with its variables, and those that merge. */
interface Steps {
  readonly legs: readonly { readonly script: readonly string[]; readonly env: Env }[]
  readonly merge: readonly string[]
  readonly env?: Env
}

const read = (name: string) => readFileSync(join(root, 'examples/ci', name), 'utf8')

const EXAMPLES: Readonly<Record<string, () => Steps>> = {
  'gitlab-ci.yml': () => {
    const { variables, leg, merge } = parse(read('gitlab-ci.yml')) as {
      variables: { IMAGE: string }
      leg: { script: string[]; parallel: { matrix: Env[] } }
      merge: { script: string[] }
    }
    const given: Env = { CI_REGISTRY_IMAGE: 'registry.example/team/app', CI_COMMIT_SHORT_SHA: 'latest' }
    const image = variables.IMAGE.replaceAll(/\$(\w+)/g, (_, name: string) => given[name]!)
    const legs = leg.parallel.matrix.map((env, at) => ({ script: leg.script, env: { ...env, CI_JOB_ID: `${at}` } }))
    return { legs, merge: merge.script, env: { IMAGE: image } }
  },
  'buildkite.yml': () => {
    const { steps } = parse(read('buildkite.yml')) as {
      steps: [{ command: string; matrix: string[] }, string, { commands: string[] }]
    }
    const legs = steps[0].matrix.map((arch) => ({
      script: [steps[0].command.replaceAll('{{matrix}}', arch)],
      env: {},
    }))
    return { legs, merge: steps[2].commands }
  },
  Jenkinsfile: () => {
    const [leg, merge] = [...read('Jenkinsfile').matchAll(/\bsh '([^']+)'/g)].map(([, line]) => line!)
    return { legs: ['amd64', 'arm64'].map((ARCH) => ({ script: [leg!], env: { ARCH } })), merge: [merge!] }
  },
  'forgejo.yml': () => {
    const { jobs } = parse(read('forgejo.yml')) as {
      jobs: Record<'leg' | 'merge', { steps: { run?: string }[]; strategy?: { matrix: { include: Env[] } } }>
    }
    const scripts = (name: 'leg' | 'merge') => jobs[name].steps.flatMap(({ run }) => run ?? [])
    const legs = jobs.leg.strategy!.matrix.include.map(({ leg, platforms }) => ({
      script: scripts('leg'),
      env: { LEG: leg!, PLATFORMS: platforms! },
    }))
    // Each artifact is unpacked into a folder of its name
    const unpack =
      'mkdir found && for leg in legs/*; do mkdir -p found/a/; cp -R "$leg" found/a/; done; rm -r legs; mv found legs'
    return { legs, merge: [unpack, ...scripts('merge')], env: { IMAGE: 'registry.example/team/app:latest' } }
  },
}

test.each(Object.keys(EXAMPLES))(
  '%s: its scripts build the legs on machines of their own, and merge them',
  async (name) => {
    const { legs, merge, env = {} } = EXAMPLES[name]!()
    const cwd = writeFiles(join(folder, name), {
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY file /for-$TARGETARCH\n',
      file: 'text\n',
    })
    // Each example pushes to a repository of its own
    const repository = `${name.toLowerCase()}/app`
    const here = (text: string) => text.replaceAll('registry.example/team/app', `${registry.host}/${repository}`)
    const ours = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, here(value)]))
    const run = (script: string, own: Env, store: string) =>
      runOk('sh', ['-ec', here(script)], {
        cwd,
        store: join(folder, `${name}-${store}`),
        env: { ...ours, ...own, PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter) },
      })
    for (const [at, leg] of legs.entries()) for (const script of leg.script) await run(script, leg.env, `leg-${at}`)
    for (const script of merge) await run(script, {}, 'merge')
    const index = await fetch(`http://${registry.host}/v2/${repository}/manifests/latest`, {
      headers: { Accept: 'application/vnd.oci.image.index.v1+json' },
    })
    const { manifests } = (await index.json()) as { manifests: { platform: { architecture: string } }[] }
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(expect.arrayContaining(['amd64', 'arm64']))
  },
)
