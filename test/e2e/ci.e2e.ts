import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { tempFolder } from './support/places.ts'
import { runOk, startXbuild, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const user = ordinaryUser(folder)
let registry: DebianRegistry

beforeAll(async () => {
  registry = await startRegistry()
  writeFiles(folder, { Dockerfile: 'FROM busybox\nRUN uname -m > /machine\nCMD ["cat", "/machine"]\n' })
})
afterAll(() => registry.stop())

test('two legs of two users are merged into one image, from folders and a registry; a missing leg moves no tag', async () => {
  const merge = (tag: string, legs: readonly string[]) =>
    xbuild(['ci', 'merge', '--platform', 'linux/amd64,linux/arm64', '-t', tag, ...legs], { cwd: folder })
  const tag = `${registry.host}/octo/app:1`
  const args = (platform: string, legs: string, more: readonly string[]) => {
    return ['ci', 'build', '--leg', platform, '--leg-folder', `${legs}/${platform.replaceAll('/', '-')}`, ...more]
  }
  const bases = await withBases('busybox')
  const leg = (more: readonly string[] = []) =>
    xbuild([...args('linux/amd64', 'legs', more), ...bases, '.'], { cwd: folder, store: join(folder, 'store-amd64') })
  // Each has a store, and folders that the other cannot write; what they say of a step is the same
  const context = await user.give(
    writeFiles(join(folder, 'context'), { Dockerfile: readFileSync(join(folder, 'Dockerfile')) }),
    'context',
  )
  const layout = await user.give(bases[1]!.replace('busybox=oci-layout://', ''), 'busybox')
  const theirs = (legs: string, more: readonly string[]) => {
    const rest = ['--build-context', `busybox=oci-layout://${layout}`, context]
    return user.xbuild([...args('linux/arm64', legs, more), ...rest])
  }
  const first = await leg()
  expect(first.code, first.stderr).toBe(0)
  const early = await merge(tag, ['legs'])
  expect(early.code).toBe(1)
  expect(early.stderr).toContain('Cannot merge: linux/arm64 is missing, no tag was moved')

  const second = await theirs('legs', ['--provenance', 'mode=min'])
  expect(second.code, second.stderr).toBe(0)
  const again = await leg(['--resume-leg'])
  expect(again.stdout).toBe(first.stdout)
  expect(again.stderr).toContain('linux/amd64 is in legs/linux-amd64 already')

  const merged = await merge(tag, ['legs', join(user.home, 'legs')])
  expect(merged.code, merged.stderr).toBe(0)
  expect(await runOn(tag, ['linux/amd64', 'linux/arm64'])).toEqual(['x86_64\n', 'aarch64\n'])

  const pushed = await theirs('by-digest', ['--leg-registry', `${registry.host}/octo/legs`])
  expect(pushed.code, pushed.stderr).toBe(0)
  const other = `${registry.host}/octo/app:2`
  const mixed = await merge(other, ['legs', join(user.home, 'by-digest')])
  expect(mixed.code, mixed.stderr).toBe(0)
  expect(await runOn(other, ['linux/arm64'])).toEqual(['aarch64\n'])

  // Whoever owns a folder decides what is in it
  const file = join(user.home, 'legs/linux-arm64/leg.json')
  rmSync(file)
  expect((await merge(tag, ['legs', join(user.home, 'legs')])).stderr).toContain('there is no leg.json in it')
  symlinkSync('/etc/shadow', file)
  expect((await merge(tag, ['legs', join(user.home, 'legs')])).stderr).toContain('it is a symbolic link')
  rmSync(file)
  await runOk('mkfifo', [file])
  expect((await merge(tag, ['legs', join(user.home, 'legs')])).stderr).toContain('it is no file')
})

/** Runs an image of the registry on every platform. */
async function runOn(tag: string, platforms: readonly string[]): Promise<string[]> {
  const layout = join(folder, `pulled-${tag.replaceAll(/\W/g, '-')}`)
  await runOk('skopeo', ['copy', '--all', '--src-tls-verify=false', `docker://${tag}`, `oci:${layout}`])
  const ran: string[] = []
  for (const platform of platforms) ran.push((await runImage(layout, platform)).stdout)
  return ran
}

test('legs of the images of a bake file: a first wave, digests in a registry, one killed and resumed', async () => {
  const bases = await withBases('busybox')
  const project = writeFiles(join(folder, 'bake'), {
    'docker-bake.hcl': `group "default" { targets = ["one", "two"] }
target "common" {
  dockerfile-inline = "FROM busybox\\nRUN cat /proc/sys/kernel/random/uuid > /once"
  contexts = { busybox = "${bases[1]!.replace('busybox=', '')}" }
}
target "one" {
  contexts = { common = "target:common" }
  dockerfile-inline = "FROM common\\nRUN sleep 1; uname -m > /machine\\nCMD cat /once /machine"
  platforms = ["linux/amd64", "linux/arm64"]
  tags = ["${registry.host}/ci/one:1"]
}
target "two" {
  contexts = { common = "target:common" }
  dockerfile-inline = "FROM common\\nRUN echo two > /name\\nCMD cat /once /name"
  platforms = ["linux/amd64"]
  tags = ["${registry.host}/ci/two:1", "${registry.host}/ci/two:latest"]
}
`,
  })
  const file = ['--bake-file', 'docker-bake.hcl']
  const cache = `type=registry,ref=${registry.host}/ci/cache:common`
  const ci = (verb: string, args: readonly string[]) => xbuild(['ci', verb, ...file, ...args], { cwd: project })
  const legOf = (leg: { leg: string; platforms: string; image: string }, more: readonly string[]) => ({
    args: ['ci', 'build', ...file, '--grant', 'fs=*', '--image', leg.image, '--leg', leg.platforms, ...more],
    options: { cwd: project, store: join(folder, `store-bake-${leg.leg}`) },
  })
  const planned = await ci('plan', ['--waves'])
  expect(planned.code, planned.stderr).toBe(0)
  const { first, legs } = JSON.parse(planned.stdout)
  expect(first.include.map(({ leg }: { leg: string }) => leg)).toEqual(['common_linux-amd64', 'common_linux-arm64'])
  expect(legs.include).toEqual([
    { leg: 'one_linux-amd64', platforms: 'linux/amd64', runner: 'ubuntu-24.04', image: 'one' },
    { leg: 'one_linux-arm64', platforms: 'linux/arm64', runner: 'ubuntu-24.04-arm', image: 'one' },
    { leg: 'two_linux-amd64', platforms: 'linux/amd64', runner: 'ubuntu-24.04', image: 'two' },
  ])
  for (const leg of first.include) {
    const { args, options } = legOf(leg, ['--first', '--cache-to', `${cache},mode=max`])
    const { code, stderr } = await xbuild(args, options)
    expect(code, stderr).toBe(0)
  }

  const store = ['--leg-registry', `${registry.host}/ci/legs`, '--cache-from', cache]
  const [one, other, two] = legs.include.map((leg: Parameters<typeof legOf>[0]) =>
    legOf(leg, [...store, '--leg-folder', `legs/${leg.leg}`]),
  ) as [ReturnType<typeof legOf>, ReturnType<typeof legOf>, ReturnType<typeof legOf>]
  const killed = startXbuild(['ci', 'build', '--progress', 'plain', ...one.args.slice(2)], one.options)
  await killed.printed(/RUN sleep 1/)
  killed.child.kill('SIGKILL')
  await killed.ended
  for (const { args, options } of [other, two]) {
    const { code, stderr } = await xbuild(args, options)
    expect(code, stderr).toBe(0)
  }
  const early = await ci('merge', ['legs'])
  expect(early.code).toBe(1)
  expect(early.stderr).toContain('Cannot merge one: linux/amd64 is missing, no tag was moved')
  const tags = join(registry.folder, 'docker/registry/v2/repositories/ci/two/_manifests/tags')
  expect(existsSync(tags)).toBe(false)

  for (const { args, options } of [one, other]) {
    const { code, stderr } = await xbuild([...args, '--resume-leg'], options)
    expect(code, stderr).toBe(0)
    if (args === other.args) expect(stderr).toContain('one linux/arm64 is in legs/one_linux-arm64 already')
  }
  expect(readdirSync(join(project, 'legs/one_linux-arm64')).toSorted()).toEqual(['leg.json', 'metadata.json'])
  const merged = await ci('merge', ['--metadata-file', 'metadata.json', 'legs'])
  expect(merged.code, merged.stderr).toBe(0)
  expect(merged.stdout).toMatch(/^one sha256:[0-9a-f]{64}\ntwo sha256:[0-9a-f]{64}\n$/)
  expect(Object.keys(JSON.parse(readFileSync(join(project, 'metadata.json'), 'utf8')))).toEqual(['one', 'two'])
  expect(readdirSync(tags)).toEqual(['1', 'latest'])
  const [amd64, arm64] = await runOn(`${registry.host}/ci/one:1`, ['linux/amd64', 'linux/arm64'])
  const [twoAmd64] = await runOn(`${registry.host}/ci/two:1`, ['linux/amd64'])
  // The step of the shared base ran once for each platform, in the first wave
  expect(amd64).toBe(`${twoAmd64!.split('\n')[0]}\nx86_64\n`)
  expect(arm64).toMatch(/^[0-9a-f-]{36}\naarch64\n$/)
})

test('images of xbuild.yaml are planned, built and merged by their names; a leg names no foreign registry', async () => {
  const bases = await withBases('busybox')
  const project = writeFiles(join(folder, 'project'), {
    'xbuild.yaml': `images:
  app:
    dockerfile-inline: |
      FROM busybox
      CMD ["echo", "of a file"]
    contexts: {busybox: "${bases[1]!.replace('busybox=', '')}"}
    platforms: [linux/amd64]
    tags: ["${registry.host}/ci/app:1"]
`,
  })
  const ci = (verb: string, args: readonly string[]) =>
    xbuild(['ci', verb, ...args], { cwd: project, store: join(folder, 'store-project') })
  await xbuild(['trust'], { cwd: project })
  const planned = await ci('plan', [])
  expect(planned.code, planned.stderr).toBe(0)
  expect(JSON.parse(planned.stdout)).toEqual({
    include: [{ leg: 'app_linux-amd64', platforms: 'linux/amd64', runner: 'ubuntu-24.04', image: 'app' }],
  })
  const built = await ci('build', ['--leg', 'linux/amd64', '--image', 'app', '--leg-folder', 'legs/app'])
  expect(built.code, built.stderr).toBe(0)
  const merged = await ci('merge', ['legs'])
  expect(merged.code, merged.stderr).toBe(0)
  expect(await runOn(`${registry.host}/ci/app:1`, ['linux/amd64'])).toEqual(['of a file\n'])

  const leg = JSON.parse(readFileSync(join(project, 'legs/app/leg.json'), 'utf8'))
  writeFiles(join(project, 'legs/app'), { 'leg.json': JSON.stringify({ ...leg, repository: 'elsewhere.example/x' }) })
  const foreign = await ci('merge', ['legs'])
  expect(foreign.code).toBe(2)
  expect(foreign.stderr).toContain('its image is in elsewhere.example, where no tag is')
})

test('a stage that is the same for all platforms is built by the first wave, for legs on machines of other platforms', async () => {
  const project = writeFiles(join(folder, 'neutral'), {
    Dockerfile: `FROM --platform=$BUILDPLATFORM busybox AS assets
RUN cat /proc/sys/kernel/random/uuid > /once; uname -m >> /once
FROM --platform=$BUILDPLATFORM busybox AS cross
ARG TARGETARCH
RUN echo $TARGETARCH by $(uname -m) > /cross
FROM busybox
COPY --from=cross /cross /cross
COPY --from=assets /once /once
CMD ["cat", "/once", "/cross"]
`,
  })
  const bases = await withBases('busybox')
  const ci = (args: readonly string[], store: string) =>
    xbuild(['ci', ...args, ...bases, '.'], { cwd: project, store: join(folder, `store-neutral-${store}`) })
  // As it is planned on a runner of arm64: this machine is the one of the other platform then
  const planned = await ci(['plan', '--waves', '--platform', 'linux/arm64,linux/s390x'], 'plan')
  const { first, legs } = JSON.parse(planned.stdout)
  const neutral = 'linux/arm64=assets'
  expect(first.include).toEqual([
    { leg: 'neutral_linux-arm64', platforms: 'linux/arm64', runner: 'ubuntu-24.04-arm', neutral },
  ])
  expect(legs.include.map((leg: { neutral: string }) => leg.neutral)).toEqual([neutral, neutral])
  const cache = `type=registry,ref=${registry.host}/ci/neutral:cache`
  const wave = await ci(
    ['build', '--first', '--leg', 'linux/arm64', '--neutral', neutral, '--cache-to', `${cache},mode=max`],
    'first',
  )
  expect(wave.code, wave.stderr).toBe(0)
  const outputs: string[] = []
  for (const name of ['one', 'two']) {
    const leg = ['build', '--leg', 'linux/amd64', '--leg-folder', name, '--neutral', neutral, '--cache-from', cache]
    const { code, stderr } = await ci(leg, name)
    expect(code, stderr).toBe(0)
    outputs.push((await runImage(join(project, name, 'image'), 'linux/amd64')).stdout)
  }
  expect(outputs[0]).toMatch(/^[0-9a-f-]{36}\naarch64\namd64 by x86_64\n$/)
  expect(outputs[1]).toBe(outputs[0])
})
