import { readFileSync } from 'node:fs'
import type { SecureContext } from 'node:tls'

type Environment = Readonly<Record<string, string | undefined>>

/** The file of NODE_EXTRA_CA_CERTS, which the start of the program hands over before Node reads it: see `cli/bundle-start.mjs`. */
const LATE = 'XBUILD_EXTRA_CA_CERTS'

/** Loaded with the first TLS connection. */
const tls = () => process.getBuiltinModule('node:tls')

const contexts = new Map<string, SecureContext>()

/** What a TLS connection without authorities of its own needs to trust those that Node has not read at its start. */
export function lateAuthorities(env: Environment): { readonly secureContext?: SecureContext } {
  const path = env[LATE]
  if (!path) return {}
  const secureContext = contexts.get(path) ?? tls().createSecureContext({ ca: withLateAuthorities(env)! })
  contexts.set(path, secureContext)
  return { secureContext }
}

/** The same as a list of PEM texts, for a connection with a certificate of its own; undefined: Node has read all. */
export function withLateAuthorities(env: Environment): string[] | undefined {
  const path = env[LATE]
  if (!path) return undefined
  try {
    return [...tls().rootCertificates, readFileSync(path, 'utf8')]
  } catch (cause) {
    // Node goes on, too
    process.emitWarning(`Cannot read "${path}" of NODE_EXTRA_CA_CERTS: ${(cause as Error).message}`)
    return [...tls().rootCertificates]
  }
}
