import { XbuildError, type ErrorDetails } from '../errors.ts'

/** The error for a node that cannot be reached, or was lost. */
export function unreachable(endpoint: string, state: string, details: ErrorDetails = {}): XbuildError {
  return new XbuildError('NODE', `Cannot reach node "${endpoint}": ${state}`, { facts: { state }, ...details })
}

const REASONS: Readonly<Record<string, readonly [state: string, hint: string]>> = {
  ENOENT: ['no such socket', 'Start the engine, or name another endpoint'],
  ECONNREFUSED: ['connection refused', 'Start the engine, or name another endpoint'],
  EACCES: ['permission denied', 'Join the group that owns the socket, or build as a user who may use it'],
  ETIMEDOUT: ['connection timed out', 'Check that the machine is up and its port is open'],
  EHOSTUNREACH: ['no route to host', 'Check that the machine is up'],
  ENETUNREACH: ['network is unreachable', 'Check that this machine is online'],
  ENOTFOUND: ['host name not found', 'Correct the host name'],
  EAI_AGAIN: ['temporary failure in name resolution', 'Check that this machine is online'],
  ECONNRESET: ['connection reset by the node', 'See the log of the engine'],
  ENOTSOCK: ['it is not a socket', 'Name the socket of an engine'],
}

/** What the network said, as an error of the node. */
export function connectionFailure(endpoint: string, cause: unknown): XbuildError {
  if (cause instanceof XbuildError) return cause
  const { code = '', message = String(cause) } = cause as NodeJS.ErrnoException
  const [state, hint] = REASONS[code] ?? tlsReason(code, message)
  return unreachable(endpoint, state, { cause, hint })
}

function tlsReason(code: string, message: string): readonly [state: string, hint?: string] {
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code)) return ['it does not speak TLS', 'Leave out the TLS settings']
  if (
    /BAD_CERTIFICATE|CERTIFICATE_REQUIRED|ALERT_UNKNOWN_CA|HANDSHAKE_FAILURE/.test(
      `${code} ${message.toUpperCase().replaceAll(' ', '_')}`,
    )
  ) {
    return ['it rejected the client certificate', 'Give the right cert= and key= in the endpoint']
  }
  if (/ALTNAME|CERT|SIGNATURE|ISSUER/.test(code))
    return [`its certificate is not trusted (${code})`, 'Give the right ca= or servername= in the endpoint']
  return [message]
}
