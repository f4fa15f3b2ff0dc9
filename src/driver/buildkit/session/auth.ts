import type { Credentials } from '../../../registry/credentials.ts'
import { Auth } from '../gen/auth_pb.ts'
import { serveUnary, type Served } from '../grpc/server.ts'

/** Tells the daemon who this machine's user is to a registry, when it pulls or pushes for the build. Nobody to tell means anonymous. */
export function authService(credentials: Credentials): readonly Served[] {
  return [
    serveUnary(Auth.method.credentials, async ({ Host: host }) => {
      const credential = await credentials.find(familiarHost(host), '')
      if (credential.kind === 'password') return { Username: credential.username, Secret: credential.password }
      // A secret without a name is an OAuth refresh token
      if (credential.kind === 'identity') return { Secret: credential.token }
      return {}
    }),
  ]
}

function familiarHost(host: string): string {
  return host === 'registry-1.docker.io' || host === 'index.docker.io' ? 'docker.io' : host
}
