/** What decides as whom builds run. */
export interface UserFacts {
  readonly uid: number
  /** Files under /proc/sys, by name with dots, as far as they exist. */
  readonly settings: Readonly<Record<string, string | undefined>>
  /** Whether sudo works without a password. */
  readonly sudo: boolean
  /** Builds are wanted as the user of the runner, by a profile of AppArmor where that closes namespaces. */
  readonly rootless?: boolean
}

const APPARMOR = 'kernel.apparmor_restrict_unprivileged_userns'

/** The settings of the kernel that close namespaces to ordinary users, and the value that does. */
export const CLOSING: Readonly<Record<string, string>> = {
  [APPARMOR]: '1',
  'kernel.unprivileged_userns_clone': '0',
  'user.max_user_namespaces': '0',
}

/** As whom builds run: as the user of the runner, or as root by sudo; `problem` when neither works. */
export function chooseUser({ uid, settings, sudo, rootless = false }: UserFacts): {
  readonly root: boolean
  /** A profile of AppArmor is to be loaded. */
  readonly profile?: boolean
  readonly why?: string
  readonly problem?: { readonly message: string; readonly hint: string }
} {
  if (uid === 0) return { root: false }
  const closed = Object.entries(CLOSING).find(([name, value]) => settings[name]?.trim() === value)
  if (!closed) return { root: false }
  const [name, value] = closed
  const why = `${name} is ${value}: ordinary users cannot make namespaces`
  if (sudo && rootless && name === APPARMOR) return { root: false, profile: true, why }
  if (sudo) return { root: true, why }
  return {
    root: false,
    problem: {
      message: `Cannot build on this runner: ${why}, and there is no sudo without a password`,
      hint: `As root of the runner: sysctl -w ${name}=${value === '1' ? '0' : name.startsWith('user.') ? '15000' : '1'}`,
    },
  }
}

/** The names of variables that sudo can hand on. */
function keptNames(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env).filter((name) => /^[A-Za-z_]\w*$/.test(name) && env[name] !== undefined)
}

/** A command line that runs as root with the same variables, PATH among them. */
export function sudoLine(command: readonly string[], env: Readonly<Record<string, string | undefined>>): string[] {
  const kept = keptNames(env).join(',')
  const own = ['PATH', 'HOME'].flatMap((name) => (env[name] === undefined ? [] : [`${name}=${env[name]}`]))
  return ['sudo', '--non-interactive', `--preserve-env=${kept}`, '--', 'env', ...own, ...command]
}

/** The variables of a build: those of the step, without its inputs and the files that the runner reads back. */
export function buildEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = Object.entries(env).filter(([name, value]) => value !== undefined && !isOfStep(name))
  return Object.fromEntries(kept) as Record<string, string>
}

function isOfStep(name: string): boolean {
  return (
    name.startsWith('INPUT_') ||
    name.startsWith('STATE_') ||
    ['GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_STEP_SUMMARY'].includes(name)
  )
}
