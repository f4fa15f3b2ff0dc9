import { looksSecret } from '../dockerfile/checks/secrets.ts'

/** What stands in the place of a value that must not be written down. */
export const WITHHELD = '***'

/** A value of a command line that was taken out: the argument ends in `NAME=***`, or has a login taken out of a URL. */
export interface WithheldValue {
  readonly arg: number
  readonly name: string
  /** A variable of the environment of that name can give it again. */
  readonly isVariable: boolean
}

/** A command line that can be written down. */
export interface WrittenCommand {
  readonly command: readonly string[]
  readonly withheld: readonly WithheldValue[]
}

/** Flags whose value is a variable with all that follows: `--build-arg NAME=VALUE`, `--set TARGET.args.NAME=VALUE`. */
const VARIABLES = ['build-arg', 'var', 'set']
/** The words of these name a secret, and tell where it is. */
const NAMES = ['secret', 'ssh']
const LOGIN = /((?:https?|git|ftp):\/\/)[^/\s@]*@/gi
const FIELD = /(^|[,?&;])([A-Za-z][\w.-]*)=([^,&;]*)/g

/** Takes the values out of a command line that look like secrets: by their names, and logins of URLs. */
export function writtenCommand(argv: readonly string[]): WrittenCommand {
  const withheld: WithheldValue[] = []
  const command = argv.map((text, arg) => {
    const own = /^--([a-z-]+)=/s.exec(text)
    const before = /^--([a-z-]+)$/.exec(argv[arg - 1] ?? '')
    const flag = own?.[1] ?? before?.[1] ?? ''
    const head = own?.[0] ?? ''
    const value = text.slice(head.length)
    const note = (name: string, isVariable: boolean) => void withheld.push({ arg, name, isVariable })
    if (VARIABLES.includes(flag)) {
      const equals = value.indexOf('=')
      const name = value.slice(0, equals).split('.').at(-1) ?? ''
      if (equals > 0 && isSecretName(name)) {
        note(name, true)
        return `${head}${value.slice(0, equals + 1)}${WITHHELD}`
      }
    }
    if (NAMES.includes(flag)) return text
    const plain = value.replaceAll(LOGIN, (_, scheme: string) => {
      note('the login of a URL', false)
      return `${scheme}${WITHHELD}@`
    })
    const hidden = plain.replaceAll(FIELD, (whole, sign: string, name: string, said: string) => {
      if (said === '' || !isSecretName(name)) return whole
      note(name, false)
      return `${sign}${name}=${WITHHELD}`
    })
    return head + hidden
  })
  return { command, withheld }
}

/** The command line with the values of variables of the environment put in again; what is `missing` has none. */
export function completedCommand(
  { command, withheld }: WrittenCommand,
  env: Readonly<Record<string, string | undefined>>,
): { readonly argv: readonly string[]; readonly missing: readonly WithheldValue[] } {
  const missing: WithheldValue[] = []
  const argv = [...command]
  for (const value of withheld) {
    const [text, given] = [argv[value.arg], value.isVariable ? env[value.name] : undefined]
    if (text?.endsWith(`=${WITHHELD}`) && given !== undefined) argv[value.arg] = text.slice(0, -WITHHELD.length) + given
    else missing.push(value)
  }
  return { argv, missing }
}

function isSecretName(name: string): boolean {
  return looksSecret(name.replaceAll(/[.-]/g, '_'))
}
