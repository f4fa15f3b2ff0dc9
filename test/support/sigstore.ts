import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, generateKeyPairSync, sign, verify, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate authority, a transparency log and a clock, on loopback, that speak as those of Sigstore do. */
export interface Sigstore {
  /** Address of the authority and of the log. */
  readonly url: string
  /** Address of the time stamp authority. */
  readonly timestampUrl: string
  /** Whom to believe, as a trusted root. */
  readonly trustedRoot: object
  /** The services with the second version of the log, as a signing configuration. */
  readonly signingConfig: object
  /** Paths that were asked for. */
  readonly asked: string[]
  /** Answers these many requests with 503 first. */
  fail(times: number): void
  stop(): Promise<void>
}

export const ISSUER = 'https://issuer.example.test'

/** An identity token as providers give them; the server looks at the claims only. */
export function tokenOf(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return [part({ alg: 'RS256' }), part({ iss: ISSUER, aud: 'sigstore', ...claims }), 'c2lnbmF0dXJl'].join('.')
}

export async function startSigstore(): Promise<Sigstore> {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-sigstore-'))
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const newAuthority = (name: string, ...extensions: string[]) => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`]
    const more = extensions.flatMap((extension) => ['-addext', extension])
    openssl(
      'req',
      '-x509',
      ...key,
      '-out',
      `${name}.pem`,
      '-days',
      '30',
      '-subj',
      `/O=xbuild tests/CN=${name}`,
      ...more,
    )
  }
  newAuthority('authority', 'keyUsage=critical,keyCertSign')
  newAuthority('clock-root', 'keyUsage=critical,keyCertSign')
  openssl(
    ...'req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout clock.key -out clock.csr -subj /CN=clock'.split(
      ' ',
    ),
  )
  writeFileSync(file('clock.ext'), 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n')
  openssl(
    ...'x509 -req -in clock.csr -CA clock-root.pem -CAkey clock-root.key -CAcreateserial -out clock.pem -days 30 -extfile clock.ext'.split(
      ' ',
    ),
  )
  writeFileSync(
    file('clock.conf'),
    '[tsa]\ndefault_tsa=t\n[t]\nserial=clock.serial\nsigner_cert=clock.pem\nsigner_key=clock.key\ncerts=clock-root.pem\n' +
      'signer_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\naccuracy=secs:1\nordering=yes\ness_cert_id_alg=sha256\n',
  )
  const log = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const logDer = log.publicKey.export({ format: 'der', type: 'spki' })
  const logId = createHash('sha256').update(logDer).digest()
  const asked: string[] = []
  let failing = 0
  let entries = 0
  let certificates = 0

  function certificate(body: Buffer, bearer: string): object {
    const { credentials, publicKeyRequest } = JSON.parse(body.toString())
    const token: string = credentials?.oidcIdentityToken ?? bearer // cosign has it in the header
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
    const { publicKey, proofOfPossession } = publicKeyRequest
    const subject: string = claims.email ?? claims.sub
    const proof = Buffer.from(proofOfPossession, 'base64')
    if (!verify('sha256', Buffer.from(subject), createPublicKey(publicKey.content), proof)) throw new Error('no proof')
    const name = `leaf-${++certificates}`
    writeFileSync(file(`${name}.pub`), publicKey.content)
    writeFileSync(
      file(`${name}.ext`),
      [
        'keyUsage=critical,digitalSignature',
        'extendedKeyUsage=codeSigning',
        'subjectKeyIdentifier=hash',
        'authorityKeyIdentifier=keyid',
        `subjectAltName=critical,${claims.email ? 'email' : 'URI'}:${subject}`,
        `1.3.6.1.4.1.57264.1.1=DER:${Buffer.from(claims.iss).toString('hex')}`,
        `1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:${claims.iss}`,
      ].join('\n'),
    )
    const of = ['-force_pubkey', `${name}.pub`, '-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial']
    openssl('x509', '-new', '-subj', '/', ...of, '-days', '1', '-extfile', `${name}.ext`, '-out', `${name}.pem`)
    const chain = [`${name}.pem`, 'authority.pem'].map((pem) => readFileSync(file(pem), 'utf8'))
    return { signedCertificateEmbeddedSct: { chain: { certificates: chain } } }
  }

  function entry(body: Buffer): object {
    const { kind, apiVersion, spec } = JSON.parse(body.toString())
    const text: string = spec.proposedContent.envelope
    const envelope = JSON.parse(text)
    const hash = (bytes: string | Buffer) => ({
      algorithm: 'sha256',
      value: createHash('sha256').update(bytes).digest('hex'),
    })
    const content = canonical({
      apiVersion,
      kind,
      spec: {
        envelopeHash: hash(text),
        payloadHash: hash(Buffer.from(envelope.payload, 'base64')),
        signatures: [{ signature: envelope.signatures[0].sig, verifier: spec.proposedContent.verifiers[0] }],
      },
    })
    const said = {
      body: Buffer.from(content).toString('base64'),
      integratedTime: Math.floor(Date.now() / 1000),
      logID: logId.toString('hex'),
      logIndex: entries++,
    }
    const { root, checkpoint } = treeOfOne(content, '127.0.0.1 - 1')
    const proof = { hashes: [], logIndex: 0, rootHash: root.toString('hex'), treeSize: 1 }
    const signedEntryTimestamp = sign('sha256', Buffer.from(canonical(said)), log.privateKey).toString('base64')
    return {
      [`id${said.logIndex}`]: {
        ...said,
        verification: { inclusionProof: { ...proof, checkpoint }, signedEntryTimestamp },
      },
    }
  }

  /** An entry of a log with the second version of the API: of a digest, and nothing else,. */
  function entry2(body: Buffer): object {
    const { digest, signature } = JSON.parse(body.toString()).hashedRekordRequestV002
    const { rawBytes } = signature.verifier.x509Certificate
    const { publicKey } = new X509Certificate(Buffer.from(rawBytes, 'base64'))
    writeFileSync(file('signer.pub'), publicKey.export({ format: 'pem', type: 'spki' }))
    writeFileSync(file('signed'), Buffer.from(digest, 'base64'))
    writeFileSync(file('signature'), Buffer.from(signature.content, 'base64'))
    openssl(...'pkeyutl -verify -pubin -inkey signer.pub -in signed -sigfile signature'.split(' '))
    const spec = { hashedRekordV002: { data: { algorithm: 'SHA2_256', digest }, signature } }
    const content = canonical({ apiVersion: '0.0.2', kind: 'hashedrekord', spec })
    const { root, checkpoint } = treeOfOne(content, '127.0.0.1')
    const proof = { logIndex: '0', rootHash: root.toString('base64'), treeSize: '1', hashes: [] }
    return {
      logIndex: '0',
      logId: { keyId: logId.toString('base64') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      inclusionProof: { ...proof, checkpoint: { envelope: checkpoint } },
      canonicalizedBody: Buffer.from(content).toString('base64'),
    }
  }

  /** A log that has nothing but one entry, and what it signs. */
  function treeOfOne(content: string, origin: string): { readonly root: Buffer; readonly checkpoint: string } {
    const root = createHash('sha256')
      .update(Buffer.concat([Buffer.of(0), Buffer.from(content)]))
      .digest()
    const note = `${origin}\n1\n${root.toString('base64')}\n`
    const signature = Buffer.concat([logId.subarray(0, 4), sign('sha256', Buffer.from(note), log.privateKey)])
    return { root, checkpoint: `${note}\n\u2014 127.0.0.1 ${signature.toString('base64')}\n` }
  }

  function stamp(query: Buffer): Buffer {
    writeFileSync(file('query'), query)
    openssl('ts', '-reply', '-config', 'clock.conf', '-queryfile', 'query', '-out', 'reply')
    return readFileSync(file('reply'))
  }

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://x')
    asked.push(pathname)
    const body = await whole(request)
    if (failing > 0) {
      failing--
      response.writeHead(503).end('busy')
      return
    }
    const json = (status: number, value: object, headers: Readonly<Record<string, string>> = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
    try {
      if (pathname === '/api/v2/signingCert') json(200, certificate(body, request.headers.authorization ?? ''))
      else if (pathname === '/api/v1/log/entries') {
        const made = entry(body)
        json(201, made, { etag: Object.keys(made)[0]! }) // cosign takes the entry of that name
      } else if (pathname === '/api/v2/log/entries') json(201, entry2(body))
      else if (pathname === '/api/v1/log/publicKey')
        response.writeHead(200).end(log.publicKey.export({ format: 'pem', type: 'spki' }))
      else if (pathname === '/tsr') response.writeHead(200).end(stamp(body))
      else if (pathname === '/token')
        json(200, { value: tokenOf({ sub: 'https://example.test/workflow@refs/heads/main' }) })
      else json(404, { message: 'not found' })
    } catch (error) {
      json(400, { message: (error as Error).message })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const der = (name: string) => ({ rawBytes: readFileSync(file(name), 'utf8').replace(/-----[^-]+-----|\s/g, '') })
  const validFor = { start: new Date(0).toISOString() }
  const service = (address: string, majorApiVersion = 1) => ({
    ...{ url: address, majorApiVersion, validFor, operator: 'xbuild tests' },
  })
  const authority = (name: string, ...certificates: string[]) => ({
    subject: { organization: 'xbuild tests', commonName: name },
    uri: url,
    certChain: { certificates: certificates.map(der) },
    validFor,
  })
  return {
    url,
    timestampUrl: `${url}/tsr`,
    asked,
    signingConfig: {
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: [service(url)],
      oidcUrls: [],
      rekorTlogUrls: [service('http://127.0.0.1:9'), service(url, 2)],
      rekorTlogConfig: { selector: 'ANY' },
      tsaUrls: [service(`${url}/tsr`)],
      tsaConfig: { selector: 'ANY' },
    },
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [
        {
          baseUrl: url,
          hashAlgorithm: 'SHA2_256',
          publicKey: { rawBytes: logDer.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
          logId: { keyId: logId.toString('base64') },
        },
      ],
      certificateAuthorities: [authority('authority', 'authority.pem')],
      timestampAuthorities: [authority('clock', 'clock.pem', 'clock-root.pem')],
      ctlogs: [],
    },
    fail: (times) => (failing = times),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function whole(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** JSON with sorted names, as signatures of logs are made of it. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(',')}}`
}
