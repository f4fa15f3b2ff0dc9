import { XbuildError } from '../errors.ts'

/** The error for a git that is not there. */
export function notStarted(what: string): XbuildError {
  return new XbuildError('HOST', `Cannot ${what}: git is not installed, or does not start`, {
    hint: 'Install git (Debian, Ubuntu: apt-get install git)',
  })
}

/** The error for a git that did not come to its end; others come as they are. */
export function crashed(what: string, error: unknown): unknown {
  if (!(error instanceof XbuildError) || error.code !== 'HOST' || !(error.cause instanceof Error)) return error
  return new XbuildError('HOST', `Cannot ${what}: git ${error.cause.message}`, { cause: error })
}

/** The error for what git said when it failed; `what` follows "Cannot". */
export function refused(what: string, said: string): XbuildError {
  const output = said
    .trimEnd()
    .split('\n')
    .slice(-10)
    .map((line) =>
      line.replace(/([a-z]:\/\/)[^/\s@]*:[^/\s@]*@/gi, '$1').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, ' '),
    )
  if (/out of memory|\bmalloc\b.* failed|mmap failed|unable to create thread|cannot allocate memory/i.test(said))
    return new XbuildError('HOST', `Cannot ${what}: git needs more memory than it may have`, {
      output,
      facts: { limit: 'memory' },
      hint: 'Take the files from an archive, or from a folder of this machine',
    })
  const login =
    /could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|Permission denied \(/i.test(
      said,
    )
  const transport = /transport '[^']*' not allowed/.exec(said)?.[0]
  if (transport)
    return new XbuildError('UNSUPPORTED', `Cannot ${what}: ${transport}`, {
      output,
      hint: 'Use an https, http, ssh or git URL',
    })
  if (login)
    return new XbuildError('AUTH', `Cannot ${what}: authentication is required`, {
      output,
      hint: 'Give credentials to the build: --secret id=GIT_AUTH_TOKEN,env=VARIABLE for https, --ssh default for ssh',
    })
  const redirect = /returned error: (30[1278])/i.exec(said)?.[1]
  if (redirect)
    return new XbuildError('REGISTRY', `Cannot ${what}: the server sends git to another address`, {
      output,
      facts: { httpStatus: Number(redirect) },
      hint: 'Write that address: git follows no redirect to another host with a login, nor where a proxy is used for some hosts only',
    })
  const missing = /not found|does not exist|does not appear to be a git repository|returned error: 404/i.test(said)
  return new XbuildError(missing ? 'NOT_FOUND' : 'REGISTRY', `Cannot ${what}: git failed`, {
    output,
    ...(missing ? { hint: 'Check the URL' } : {}),
  })
}
