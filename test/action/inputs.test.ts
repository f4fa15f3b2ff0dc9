import { describe, expect, test } from 'vitest'
import { planRun } from '../../src/action/plan-run.ts'
import type { PlanInput } from '../../src/action/run-plan.ts'

const RUNNER = {
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'octo/app',
  GITHUB_SHA: '0123abc',
  GITHUB_REF: 'refs/heads/main',
  GITHUB_RUN_ID: '42',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_WORKSPACE: '/home/runner/app',
}
const RUN = 'https://github.com/octo/app/actions/runs/42/attempts/2'
const CONTEXT = 'https://github.com/octo/app.git#0123abc'
const PUBLIC_PROVENANCE = ['--attest', `type=provenance,mode=max,builder-id=${RUN}`]
const RESULTS = ['--metadata-file', '/temp/metadata.json', '--iidfile', '/temp/iid']

type Inputs = Readonly<Record<string, string>>

function plan(inputs: Inputs, more: Partial<PlanInput> & { vars?: Readonly<Record<string, string | undefined>> } = {}) {
  const given = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value] as const)
  return planRun({
    env: { ...RUNNER, ...more.vars, ...Object.fromEntries(given) },
    event: {},
    temp: '/temp',
    exists: () => true,
    flags: new Set(),
    ...more,
  })
}

/** The arguments that inputs add to those of `context: .` alone. */
function added(inputs: Inputs): readonly string[] {
  const { argv } = plan({ context: '.', provenance: 'false', ...inputs })
  const end = argv.indexOf('--metadata-file')
  const rest = argv.slice(1, end)
  const at = rest.indexOf('type=provenance,disabled=true')
  return at === -1 ? rest : [...rest.slice(0, at - 1), ...rest.slice(at + 1)]
}

describe('a step without inputs', () => {
  test('builds the repository at the commit of the event, with provenance and results', () => {
    expect(plan({}).argv).toEqual(['build', ...PUBLIC_PROVENANCE, ...RESULTS, '--', CONTEXT])
  })
})

// Each as docker/build-push-action documents and docker/actions-toolkit reads it
describe('lists by line or comma', () => {
  test.each<[what: string, inputs: Inputs, args: readonly string[]]>([
    ['tags by line', { tags: 'a:1\nb:2' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['tags by comma', { tags: 'a:1,b:2' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['tags by comma and space', { tags: 'a:1, b:2' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['lines of Windows', { tags: 'a:1\r\nb:2\r\n' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['lines of an old Mac', { tags: 'a:1\rb:2' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['empty lines and spaces around', { tags: '\n  a:1  \n\n  \n  b:2\n' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['empty items between commas', { tags: 'a:1,,b:2,' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['only commas', { tags: ',,' }, []],
    ['only spaces', { tags: '   ' }, []],
    ['commas and lines', { tags: 'a:1,b:2\nc:3' }, ['--tag', 'a:1', '--tag', 'b:2', '--tag', 'c:3']],
    ['a quoted item alone is cut at commas', { tags: '"a:1,b:2"' }, ['--tag', 'a:1', '--tag', 'b:2']],
    ['a quoted item among others is not', { 'add-hosts': '"a:1,b",c:2' }, ['--add-host', 'a:1,b', '--add-host', 'c:2']],
    ['a sharp sign is no comment', { tags: '#a\nb' }, ['--tag', '#a', '--tag', 'b']],
    ['platforms join', { platforms: 'linux/amd64\nlinux/arm64' }, ['--platform', 'linux/amd64,linux/arm64']],
    ['platforms by comma', { platforms: 'linux/amd64,linux/arm/v7' }, ['--platform', 'linux/amd64,linux/arm/v7']],
    ['allow', { allow: 'network.host,security.insecure' }, ['--allow', 'network.host', '--allow', 'security.insecure']],
    ['add-hosts', { 'add-hosts': 'docker:10.180.0.1' }, ['--add-host', 'docker:10.180.0.1']],
    ['no-cache-filters', { 'no-cache-filters': 'a,b' }, ['--no-cache-filter', 'a', '--no-cache-filter', 'b']],
    ['ssh', { ssh: 'default,other=/sock' }, ['--ssh', 'default', '--ssh', 'other=/sock']],
  ])('%s', (_, inputs, args) => expect(added(inputs)).toEqual(args))
})

describe('lists by line only', () => {
  test.each<[what: string, inputs: Inputs, args: readonly string[]]>([
    ['build-args', { 'build-args': 'A=1\nB=2' }, ['--build-arg', 'A=1', '--build-arg', 'B=2']],
    ['commas belong to the value', { 'build-args': 'A=1,2' }, ['--build-arg', 'A=1,2']],
    ['quotes inside of a value stay', { 'build-args': 'A="x y"' }, ['--build-arg', 'A="x y"']],
    ['quotes around an item go', { 'build-args': '"A=x,y"' }, ['--build-arg', 'A=x,y']],
    ['lines inside of quotes', { 'build-args': '"A=x\ny"\nB=2' }, ['--build-arg', 'A=x\ny', '--build-arg', 'B=2']],
    ['doubled quotes are one', { 'build-args': '"A={""k"":1}"' }, ['--build-arg', 'A={"k":1}']],
    ['text after a closed quote', { 'build-args': '"A"=1' }, ['--build-arg', '"A"=1']],
    ['JSON without quotes around', { 'build-args': 'A={"k":1,"l":2}' }, ['--build-arg', 'A={"k":1,"l":2}']],
    ['spaces before a quote', { 'build-args': 'B=1\n  "A=x,y"' }, ['--build-arg', 'B=1', '--build-arg', '"A=x,y"']],
    ['an argument without a value', { 'build-args': 'A' }, ['--build-arg', 'A']],
    ['an argument with an empty value', { 'build-args': 'A=' }, ['--build-arg', 'A=']],
    ['a value with equals signs', { 'build-args': 'A=b=c' }, ['--build-arg', 'A=b=c']],
    ['labels', { labels: 'a=1,2\nb=3' }, ['--label', 'a=1,2', '--label', 'b=3']],
    ['annotations', { annotations: 'index:a=b,c' }, ['--annotation', 'index:a=b,c']],
    [
      'build-contexts',
      { 'build-contexts': 'x=./x\ny=docker-image://y' },
      ['--build-context', 'x=./x', '--build-context', 'y=docker-image://y'],
    ],
    [
      'build-contexts with the default',
      { 'build-contexts': 'x={{defaultContext}}' },
      ['--build-context', `x=${CONTEXT}`],
    ],
    [
      'cache-from',
      { 'cache-from': 'type=gha,scope=x\nuser/app:cache' },
      ['--cache-from', 'type=gha,scope=x', '--cache-from', 'user/app:cache'],
    ],
    ['cache-to', { 'cache-to': 'type=gha,mode=max' }, ['--cache-to', 'type=gha,mode=max']],
    ['ulimit', { ulimit: 'nofile=1024:1024\nnproc=3' }, ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=3']],
    [
      'outputs',
      { outputs: 'type=oci,dest=a.tar\ntype=image,push=true' },
      ['--output', 'type=oci,dest=a.tar', '--output', 'type=image,push=true'],
    ],
    [
      'outputs keep their quotes',
      { outputs: 'type=image,"name=a,b",push=true' },
      ['--output', 'type=image,"name=a,b",push=true'],
    ],
    ['secret-files', { 'secret-files': 'A=./a\nB=b,c' }, ['--secret', 'id=A,src=./a', '--secret', 'id=B,"src=b,c"']],
  ])('%s', (_, inputs, args) => expect(added(inputs)).toEqual(args))
})

describe('texts and switches', () => {
  test.each<[what: string, inputs: Inputs, args: readonly string[]]>([
    ['builder', { builder: 'mine' }, ['--builder', 'mine']],
    ['call', { call: 'check' }, ['--call', 'check']],
    ['file', { file: './sub/Dockerfile' }, ['--file', './sub/Dockerfile']],
    ['spaces around a text go', { target: '  last ' }, ['--target', 'last']],
    ['network', { network: 'none' }, ['--network', 'none']],
    ['shm-size', { 'shm-size': '2g' }, ['--shm-size', '2g']],
    ['load', { load: 'true' }, ['--load']],
    ['push', { push: 'true' }, ['--push']],
    ['push as YAML writes it', { push: 'TRUE' }, ['--push']],
    ['push that is off', { push: 'False' }, []],
    ['pull', { pull: 'true' }, ['--pull']],
    ['no-cache', { 'no-cache': 'true' }, ['--no-cache']],
    ['empty switch', { push: '' }, []],
    ['secret-envs', { 'secret-envs': 'A=VAR,B=OTHER' }, ['--secret', 'id=A,env=VAR', '--secret', 'id=B,env=OTHER']],
    [
      'nodes build beside this machine',
      { nodes: 'ssh://a\nssh://b' },
      ['--builder', 'local', '--builder', 'ssh://a', '--builder', 'ssh://b'],
    ],
    ['nodes beside a builder', { builder: 'mine', nodes: 'ssh://a' }, ['--builder', 'mine', '--builder', 'ssh://a']],
    ['this machine among nodes, once', { nodes: 'ssh://a,local' }, ['--builder', 'local', '--builder', 'ssh://a']],
    ['accel', { accel: 'require' }, ['--accel', 'require']],
    ['audit', { audit: 'warn' }, ['--audit', 'warn']],
    ['audit that is on', { audit: 'true' }, ['--audit', 'error']],
    ['audit that is off', { audit: 'false' }, ['--audit', 'off']],
  ])('%s', (_, inputs, args) => expect(added(inputs)).toEqual(args))
})

describe('provenance, attests and sbom', () => {
  const attestOf = (inputs: Inputs, more: Parameters<typeof plan>[1] = {}) => {
    const { argv } = plan({ context: '.', ...inputs }, more)
    return argv.filter((_, index) => argv[index - 1] === '--attest')
  }
  const privately = { event: { repository: { private: true } } }
  test.each<[what: string, inputs: Inputs, more: Parameters<typeof plan>[1], args: readonly string[]]>([
    [
      'a public repository',
      {},
      { event: { repository: { private: false } } },
      [`type=provenance,mode=max,builder-id=${RUN}`],
    ],
    ['a private repository', {}, privately, [`type=provenance,mode=min,inline-only=true,builder-id=${RUN}`]],
    ['none with load', { load: 'true' }, {}, []],
    ['none with an output for an engine', { outputs: 'type=docker,dest=x.tar' }, {}, []],
    ['none when the environment says so', {}, { vars: { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' } }, []],
    [
      'still when the environment does not',
      {},
      { vars: { BUILDX_NO_DEFAULT_ATTESTATIONS: '0' } },
      [`type=provenance,mode=max,builder-id=${RUN}`],
    ],
    ['true', { provenance: 'true' }, privately, [`type=provenance,builder-id=${RUN}`]],
    ['false', { provenance: 'false' }, {}, ['type=provenance,disabled=true']],
    ['attributes', { provenance: 'mode=min' }, {}, [`type=provenance,mode=min,builder-id=${RUN}`]],
    [
      'attributes with a builder',
      { provenance: 'mode=max,builder-id=me' },
      {},
      ['type=provenance,mode=max,builder-id=me'],
    ],
    [
      'with load, when it is asked for',
      { provenance: 'mode=min', load: 'true' },
      {},
      [`type=provenance,mode=min,builder-id=${RUN}`],
    ],
    ['attests', { attests: 'type=provenance,mode=min' }, {}, [`type=provenance,mode=min,builder-id=${RUN}`]],
    [
      'provenance over attests',
      { provenance: 'mode=max', attests: 'type=provenance,mode=min' },
      {},
      [`type=provenance,mode=max,builder-id=${RUN}`],
    ],
    ['an sbom is left out', { sbom: 'true', provenance: 'false' }, {}, ['type=provenance,disabled=true']],
    ['an sbom that is off', { sbom: 'false', provenance: 'false' }, {}, ['type=provenance,disabled=true']],
    [
      'an sbom of attests is left out',
      { attests: 'type=sbom', provenance: 'false' },
      {},
      ['type=provenance,disabled=true'],
    ],
    [
      'without an attempt',
      { provenance: 'true' },
      { vars: { GITHUB_RUN_ATTEMPT: '' } },
      ['type=provenance,builder-id=https://github.com/octo/app/actions/runs/42'],
    ],
  ])('%s', (_, inputs, more, args) => expect(attestOf(inputs, more)).toEqual(args))

  test.each<[inputs: Inputs, warnings: number]>([
    [{ sbom: 'true' }, 1],
    [{ sbom: 'generator=x' }, 1],
    [{ attests: 'type=sbom' }, 1],
    [{ sbom: 'false' }, 0],
    [{ attests: 'type=sbom,disabled=true' }, 0],
    [{ 'cgroup-parent': '/x' }, 1],
    [{}, 0],
  ])('%j warns %i times of what has no effect', (inputs, count) => {
    const { warnings, argv } = plan({ context: '.', ...inputs })
    expect(warnings).toHaveLength(count)
    for (const warning of warnings) expect(warning).toMatch(/^Input "(sbom|cgroup-parent)" has no effect: /)
    expect(argv).not.toContain('--cgroup-parent')
  })

  test.each<[what: string, inputs: Inputs, args: readonly string[]]>([
    ['alone', { sbom: 'generator=docker/scout-sbom-indexer:latest' }, ['--attest', 'type=sbom']],
    ['beside others', { sbom: 'generator=x,scan-stage=true' }, ['--attest', 'type=sbom,scan-stage=true']],
    ['among attests', { attests: 'type=sbom,generator=x' }, ['--attest', 'type=sbom']],
    ['of a bake', { targets: 'x', sbom: 'generator=x' }, ['--sbom', 'true']],
  ])('the generator of an sbom is left out, with a warning: %s', (_, inputs, args) => {
    const made = plan(
      { provenance: 'false', ...('targets' in inputs ? {} : { context: '.' }), ...inputs },
      {
        flags: new Set(['sbom']),
      },
    )
    const at = made.argv.indexOf(args[1]!) - 1
    expect(made.argv.slice(at, at + 2)).toEqual(args)
    expect(made.warnings).toEqual([
      'The generator of "sbom" has no effect: xbuild lists the packages itself and runs no scanner image',
    ])
  })

  test('an sbom and a control group are passed on once xbuild has flags for them', () => {
    const { argv, warnings } = plan(
      { context: '.', sbom: 'true', 'cgroup-parent': '/x' },
      { flags: new Set(['sbom', 'cgroup-parent']) },
    )
    expect(argv).toContain('type=sbom,disabled=false')
    expect(argv).toContain('--cgroup-parent')
    expect(warnings).toEqual([])
  })
})

describe('the context', () => {
  const contextOf = (inputs: Inputs, vars: Readonly<Record<string, string | undefined>> = {}, event = {}) =>
    plan(inputs, { vars, event }).argv.at(-1)
  const pull = { GITHUB_REF: 'refs/pull/5/merge', GITHUB_SHA: 'merge1' }
  test.each<[what: string, inputs: Inputs, vars: Readonly<Record<string, string>>, event: object, context: string]>([
    ['a folder', { context: '.' }, {}, {}, '.'],
    ['a folder with spaces around', { context: ' ./app ' }, {}, {}, './app'],
    ['none', {}, {}, {}, CONTEXT],
    ['an empty one', { context: '' }, {}, {}, CONTEXT],
    ['the default with a subfolder', { context: '{{defaultContext}}:sub' }, {}, {}, `${CONTEXT}:sub`],
    ['the default, with spaces', { context: '{{ defaultContext }}' }, {}, {}, CONTEXT],
    ['the default, not escaped', { context: '{{{defaultContext}}}' }, {}, {}, CONTEXT],
    ['another repository', { context: 'https://example.com/x.git#main' }, {}, {}, 'https://example.com/x.git#main'],
    ['a pull request: its merge', {}, pull, {}, 'https://github.com/octo/app.git#merge1'],
    [
      'a pull request: its head',
      {},
      { ...pull, DOCKER_DEFAULT_GIT_CONTEXT_PR_HEAD_REF: 'true' },
      { pull_request: { head: { sha: 'head1' } } },
      'https://github.com/octo/app.git#head1',
    ],
    [
      'a pull request without the commit',
      {},
      { ...pull, DOCKER_DEFAULT_GIT_CONTEXT_PR_HEAD_REF: 'true' },
      {},
      'https://github.com/octo/app.git#refs/pull/5/head',
    ],
    [
      'the head of a pull request, which the workflow was started for',
      {},
      { GITHUB_REF: 'refs/pull/5/head', GITHUB_SHA: 'merge1' },
      { pull_request: { head: { sha: 'head1' } } },
      'https://github.com/octo/app.git#head1',
    ],
    ['no commit', {}, { GITHUB_SHA: '' }, {}, 'https://github.com/octo/app.git#refs/heads/main'],
    [
      'no commit, and a short ref',
      {},
      { GITHUB_SHA: '', GITHUB_REF: 'dev' },
      {},
      'https://github.com/octo/app.git#refs/heads/dev',
    ],
    [
      'another server',
      {},
      { GITHUB_SERVER_URL: 'https://ghe.example/' },
      {},
      'https://ghe.example/octo/app.git#0123abc',
    ],
  ])('%s', (_, inputs, vars, event, context) => expect(contextOf(inputs, vars, event)).toBe(context))
})

describe('secrets', () => {
  test.each<[what: string, secrets: string, values: readonly string[]]>([
    ['one', 'A=secret1', ['secret1']],
    ['several', 'A=secret1\nC=secret2', ['secret1', 'secret2']],
    ['commas and equals signs in the value', 'A=b,c=d', ['b,c=d']],
    ['lines in quotes', '"A=-----BEGIN\nx\n-----END"\nB=2', ['-----BEGIN\nx\n-----END', '2']],
    ['JSON in quotes', '"A={""k"":""v""}"', ['{"k":"v"}']],
    ['spaces at the end belong to it', 'A=b  ', ['b  ']],
    ['quotes inside', 'A=b"c', ['b"c']],
  ])('%s', (_, secrets, values) => {
    const made = plan({ context: '.', secrets })
    expect(made.files.map(({ content }) => content)).toEqual(values)
    expect(made.masks).toEqual(values)
    expect(made.argv.join('\n')).not.toContain(values[0]!)
    expect(made.argv.filter((word) => word.startsWith('id='))).toHaveLength(values.length)
  })

  test('what is no pair is left out, and not shown', () => {
    const { files, warnings } = plan({ context: '.', secrets: 'hunter2\n=x\nA=\nB=c', 'secret-envs': 'oops' })
    expect(files.map(({ content }) => content)).toEqual(['c'])
    expect(warnings).toHaveLength(4)
    expect(warnings.join('\n')).not.toMatch(/hunter2|oops/)
  })

  test('a file that is not there is left out with its name', () => {
    const { argv, warnings } = plan({ context: '.', 'secret-files': 'A=no' }, { exists: () => false })
    expect(argv).not.toContain('--secret')
    expect(warnings).toEqual(['Secret "A" is left out: there is no file "no"'])
  })

  const gitToken = (inputs: Inputs) =>
    plan({ 'github-token': 'ghs_1', ...inputs }).files.some(({ content }) => content === 'ghs_1')
  test.each<[what: string, inputs: Inputs, given: boolean]>([
    ['for the default context', {}, true],
    ['for a folder of it', { context: '{{defaultContext}}:x' }, true],
    ['not for a folder of the runner', { context: '.' }, false],
    ['not for another repository', { context: 'https://example.com/x.git' }, false],
    ['not for a repository whose name begins alike', { context: 'https://github.com/octo/app.git.evil/x.git' }, false],
    ['not when a secret has one', { secrets: 'GIT_AUTH_TOKEN=mine' }, false],
    ['not when a secret has one for the host', { secrets: 'GIT_AUTH_TOKEN.github.com=mine' }, false],
    ['with other secrets', { secrets: 'A=b' }, true],
  ])('the token of the workflow: %s', (_, inputs, given) => expect(gitToken(inputs)).toBe(given))

  test('the token is masked and lies in a file', () => {
    const { masks, files, argv } = plan({ 'github-token': 'ghs_1' })
    expect(masks).toContain('ghs_1')
    expect(files).toEqual([{ path: '/temp/secret-0', content: 'ghs_1' }])
    expect(argv.join(' ')).not.toContain('ghs_1')
  })
})

describe('results', () => {
  test.each<[outputs: string, iid: boolean]>([
    ['', true],
    ['type=image,push=true', true],
    ['type=oci,dest=x', true],
    ['type=local,dest=x', false],
    ['out', false],
    ['type=tar,dest=x', false],
    ['"type=tar","dest=a,b"', false],
  ])('outputs %j: an image id %s', (outputs, iid) => {
    expect(plan({ context: '.', outputs }).argv.includes('--iidfile')).toBe(iid)
  })
})

describe('inputs that are refused', () => {
  test.each<[inputs: Inputs, message: RegExp]>([
    [{ push: 'yes' }, /"push": "yes" is neither true nor false/],
    [{ load: '1' }, /"load"/],
    [{ tags: '"a' }, /"tags": a quote is not closed/],
    [{ 'build-args': 'A=1\n"B=2' }, /"build-args"/],
    [{ context: '{{github.ref}}' }, /"context": {{github.ref}} is unknown/],
    [{ test: 'true' }, /"test": this version of xbuild does not have it/],
    [{ files: 'x.hcl', tags: 'a' }, /"tags": with "files" bake files say what is built/],
    [{ set: 'x.tags=a', context: '.' }, /"context": with "set"/],
  ])('%j', (inputs, message) => expect(() => plan(inputs)).toThrow(message))

  test('test is passed on where xbuild has the flag', () => {
    const { argv } = plan({ context: '.', test: 'app --version' }, { flags: new Set(['test']) })
    expect(argv.slice(argv.indexOf('--test'), argv.indexOf('--metadata-file'))).toEqual(['--test', 'app --version'])
  })

  test('without a repository there must be a context', () => {
    expect(() => plan({}, { vars: { GITHUB_REPOSITORY: undefined } })).toThrow(/no input "context"/)
  })
})

describe('bake files', () => {
  const GRANTS = ['fs=*', 'cache', 'image.push', 'image.load', 'limits', 'secret'].flatMap((one) => ['--allow', one])
  const METADATA = ['--metadata-file', '/temp/metadata.json', '--']
  test.each<[what: string, inputs: Inputs, argv: readonly string[]]>([
    ['files', { files: 'a.hcl,b.json' }, ['bake', ...GRANTS, '--file', 'a.hcl', '--file', 'b.json', ...METADATA]],
    ['targets', { targets: 'web\napi' }, ['bake', ...GRANTS, ...METADATA, 'web', 'api']],
    [
      'set keeps commas and quotes',
      { set: '*.output=type=image,"name=a,b"\nx.tags=y' },
      ['bake', ...GRANTS, '--set', '*.output=type=image,"name=a,b"', '--set', 'x.tags=y', ...METADATA],
    ],
    ['vars', { vars: 'A=1,2' }, ['bake', ...GRANTS, '--var', 'A=1,2', ...METADATA]],
    [
      'switches',
      { targets: 'x', push: 'true', load: 'true', pull: 'true', 'no-cache': 'true' },
      ['bake', ...GRANTS, '--load', '--no-cache', '--pull', '--push', ...METADATA, 'x'],
    ],
    ['allow', { targets: 'x', allow: 'ssh' }, ['bake', '--allow', 'ssh', ...GRANTS, ...METADATA, 'x']],
    [
      'provenance',
      { targets: 'x', provenance: 'true' },
      ['bake', ...GRANTS, '--provenance', `builder-id=${RUN}`, ...METADATA, 'x'],
    ],
    [
      'no provenance',
      { targets: 'x', provenance: 'false' },
      ['bake', ...GRANTS, '--provenance', 'false', ...METADATA, 'x'],
    ],
    [
      'files of the workspace',
      { files: 'cwd://meta.json' },
      ['bake', ...GRANTS, '--file', '/home/runner/app/meta.json', ...METADATA],
    ],
    [
      'files elsewhere',
      { files: 'cwd:///tmp/meta.json' },
      ['bake', ...GRANTS, '--file', '/tmp/meta.json', ...METADATA],
    ],
  ])('%s', (_, inputs, argv) => expect(plan(inputs).argv).toEqual(argv))

  const sourceOf = (inputs: Inputs, exists = true) => {
    const { cwd, clone } = plan({ targets: 'x', 'github-token': 't', ...inputs }, { exists: () => exists })
    return { cwd, clone }
  }
  const work = RUNNER.GITHUB_WORKSPACE
  test.each<[what: string, inputs: Inputs, checkout: boolean, source: object]>([
    ['the checkout', {}, true, { cwd: work }],
    ['no checkout: the repository', {}, false, { cwd: '/temp/source', clone: { url: CONTEXT, token: 't' } }],
    ['a folder', { source: './sub' }, true, { cwd: `${work}/sub` }],
    ['workdir', { workdir: 'sub' }, false, { cwd: `${work}/sub` }],
    [
      'the default by name',
      { source: '{{defaultContext}}' },
      true,
      { cwd: '/temp/source', clone: { url: CONTEXT, token: 't' } },
    ],
    [
      'another repository gets no token',
      { source: 'https://example.com/x.git' },
      true,
      { cwd: '/temp/source', clone: { url: 'https://example.com/x.git', token: '' } },
    ],
  ])('source: %s', (_, inputs, checkout, source) =>
    expect(sourceOf(inputs, checkout)).toEqual({ clone: undefined, ...source }),
  )

  test('a token for the repository of the files takes the place of the one of the workflow, and is masked', () => {
    const source = 'https://example.com/x.git'
    const vars = { BUILDX_BAKE_GIT_AUTH_TOKEN: 'mine' }
    const { clone, masks } = plan({ targets: 'x', source, 'github-token': 't' }, { vars })
    expect(clone).toEqual({ url: source, token: 'mine' })
    expect(masks).toEqual(['t', 'mine'])
  })

  test.each<[inputs: Inputs, provenance: string | undefined]>([
    [{}, `mode=max,builder-id=${RUN}`],
    [{ provenance: 'false' }, undefined],
    [{ load: 'true' }, undefined],
  ])('%j: targets without a word of provenance get %s', (inputs, provenance) => {
    expect(plan({ targets: 'x', ...inputs }).defaultProvenance).toBe(provenance)
  })
})

test('the folder for the record of the run is kept, of builds and of bakes', () => {
  expect(plan({ context: '.', history: ' out ' }).history).toBe('out')
  expect(plan({ targets: 'x', history: 'out' }).history).toBe('out')
  expect(plan({ context: '.' })).not.toHaveProperty('history')
})
