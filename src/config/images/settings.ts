import type { SecretSource } from '../run-options.ts'
import { FLAGS } from '../flags.ts'
import { parseOutput } from '../output.ts'
import { readsContext, readsDockerfile } from '../project-rules.ts'
import type { Claim, ProjectRule, ProjectSetting } from '../project.ts'
import { secrets } from '../run-values.ts'
import { addressesOf, cutCwd, fileOf, isRemoteContext } from './options.ts'
import type { ImageTarget, Said } from './target.ts'

/** One thing that a file of the project says about an image. */
export interface ImageSetting extends ProjectSetting {
  /** What `--allow` calls it, where it is no path. */
  readonly right?: string
}

type Env = Readonly<Record<string, string | undefined>>
type Rule = (text: string) => readonly Claim[]

/**
 * What a target says that could reach beyond the project's folder; what no file says is the user's own. The target's
 * texts are good: `requestsOf` has read them.
 */
export function settingsOf(target: ImageTarget, env: Env): ImageSetting[] {
  const context = cutCwd(target.context?.value ?? '.')
  const { dockerfile, contexts = {}, extraHosts = {} } = target
  const settings: ImageSetting[] = []
  const add = (key: string, said: Said | undefined, rule: ProjectRule, right?: string, text?: string): void => {
    if (!said?.at) return
    const setting = { key, text: text ?? said.value, at: said.at, rule, instead: '' }
    settings.push(right === undefined ? setting : { ...setting, right })
  }
  const all = (key: string, said: readonly Said[] = [], rule: ProjectRule, right: (text: string) => string): void => {
    for (const one of said) add(key, one, rule, right(one.value))
  }
  add('context', target.context, contextClaims, 'ssh')
  const isHere = dockerfile?.value.startsWith('cwd://') || !isRemoteContext(context)
  if (dockerfile && !target.dockerfileInline && isHere)
    add('dockerfile', dockerfile, readsDockerfile, undefined, fileOf(target, context))
  for (const [name, said] of Object.entries(contexts))
    if (!said.value.startsWith('target:')) add(`contexts.${name}`, said, contextClaims, 'ssh')
  all('cache-from', target.cacheFrom, cacheClaims, () => 'cache')
  all('cache-to', target.cacheTo, ruleOf('cacheTo'), cacheTargetRight)
  // Each name is a place of its own: the right to one is not the right to the others
  for (const said of target.output ?? [])
    for (const name of namesOf(said.value, target))
      add('output', said, ruleOf('outputs'), outputRight(said.value, name))
  all('secret', target.secrets, secretClaims(env), (text) => {
    const source = secretOf(text, env)
    return source.kind === 'env' ? `secret=${source.name}` : 'secret'
  })
  all('ssh', target.ssh, sshClaims, () => 'ssh')
  add('network', target.network, ruleOf('network'), 'network.host')
  for (const [name, said] of Object.entries(extraHosts))
    for (const ip of addressesOf(said))
      add(`extra-hosts.${name}`, said, ruleOf('addHosts'), 'network.host', `${name}=${ip}`)
  all('ulimits', target.ulimits, ruleOf('ulimits'), () => 'limits')
  all('resources', target.resources, ruleOf('resources'), () => 'limits')
  all('entitlements', target.entitlements, ruleOf('allow'), (text) => text)
  return settings
}

/** The names that an output gives to an image: those of the target, or its own. */
function namesOf(text: string, { tags = [] }: ImageTarget): readonly (string | undefined)[] {
  if (tags.length > 0) return tags.map(({ value }) => value)
  const output = parseOutput(text, 'output')
  return 'names' in output && output.names ? output.names : [undefined]
}

/** The rule of a flag, which is never free here. */
function ruleOf(option: keyof typeof FLAGS): Rule {
  const { project } = FLAGS[option]
  return project === 'free' ? () => [] : project
}

function contextClaims(text: string): readonly Claim[] {
  return readsContext === 'free' ? [] : readsContext(`context=${cutCwd(text)}`)
}

/** A cache that is read has a say in what other builds use; a folder is a path beside that. */
function cacheClaims(text: string): readonly Claim[] {
  const folders = FLAGS.cacheFrom
    .parse([text], { label: 'cache-from', env: {}, localPlatform: NO_PLATFORM })
    .flatMap((source) => (source.type === 'local' ? [source.src] : []))
  return [...ruleOf('cacheFrom')(text), ...folders.map((path): Claim => ({ kind: 'read', path }))]
}

/** Caches know no platforms. */
const NO_PLATFORM = { os: 'linux', architecture: 'amd64' } as const

const secretClaims =
  (env: Env): Rule =>
  (text) => {
    const source = secretOf(text, env)
    return source.kind === 'file'
      ? [{ kind: 'read', path: source.path }]
      : [{ kind: 'user', why: "it takes a secret from the user's environment" }]
  }

function secretOf(text: string, env: Env): SecretSource {
  return Object.values(secrets([text], { label: 'secret', env, localPlatform: NO_PLATFORM }))[0]!
}

/** The user's agent, or key files. */
function sshClaims(text: string): readonly Claim[] {
  const paths = text.includes('=') ? text.slice(text.indexOf('=') + 1) : ''
  if (paths === '') return [{ kind: 'user', why: "it lets steps sign with the user's ssh keys" }]
  return paths.split(',').map((path) => ({ kind: 'read', path }))
}

function cacheTargetRight(text: string): string {
  const ref = /(?:^|,)ref=([^,]*)/.exec(text)?.[1] ?? (text.includes('=') ? '' : text)
  return `image.push${ref === '' ? '' : `=${ref}`}`
}

function outputRight(text: string, name: string | undefined): string {
  const right = /(?:^|,)type=(?:registry|image)(?:,|$)/.test(text) ? 'image.push' : 'image.load'
  return name === undefined ? right : `${right}=${name}`
}
