import type { VerifyCommand } from '../../config/image-command.ts'
import { XbuildError } from '../../errors.ts'
import { verifyImage, type Verified } from '../../image/verify.ts'
import type { Identity, Signer } from '../../sign/entity.ts'
import { formatVerified, toJson } from '../../ui/image.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { type ImageEdges, withImages } from './open.ts'

/** `xbuild image verify`: what is wrong on stdout; exit code 1 when something is. */
export async function runVerify(command: VerifyCommand, terminal: Terminal): Promise<number> {
  const { deep, referrers } = command
  const found = await withImages(command, terminal, async ({ open, signal }) => {
    const source = await open(command.name)
    const verified = await verifyImage(source, { deep, referrers, signal })
    const asked = command.key ?? command.identity
    return asked === undefined ? verified : withSignatures(verified, asked, { source, signal })
  })
  await print(terminal.stdout, command.json ? toJson(found) : formatVerified(found))
  return found.ok ? 0 : 1

  async function withSignatures(
    verified: Verified,
    asked: string | Identity,
    { source, signal }: Pick<ImageEdges, 'signal'> & { readonly source: Awaited<ReturnType<ImageEdges['open']>> },
  ): Promise<Verified> {
    const { findSignatures } = await import('../../sign/signatures.ts')
    const signer = await signerOf(asked)
    const { descriptor } = await source.root(signal)
    if (descriptor.digest !== verified.digest) return withProblem(verified, 'was moved while it was checked')
    const { valid, found: all } = await findSignatures(source, { subject: descriptor, ...signer }, signal)
    const signed = { ...verified, signatures: valid }
    if (valid.length > 0) return signed
    const by = typeof asked === 'string' ? `with "${asked}"` : `by "${asked.name}" of ${asked.issuer}`
    return withProblem(signed, all === 0 ? 'is not signed' : `is not signed ${by}: it has ${all} other signatures`)
  }

  async function signerOf(asked: string | Identity): Promise<Signer> {
    const place = { cwd: command.cwd, env: terminal.env }
    if (typeof asked === 'string') {
      const { readPublicKey } = await import('../../sign/keys.ts')
      return { publicKey: await readPublicKey(asked, place) }
    }
    const { trustedRoot } = command
    const { cosignsTrustedRoot, readTrustedRoot } = await import('../../sign/trusted-root.ts')
    const trust =
      trustedRoot === undefined ? await cosignsTrustedRoot(place.env) : await readTrustedRoot(trustedRoot, place)
    if (trust) return { identity: asked, trust }
    throw new XbuildError('BAD_OPTION', 'Cannot verify signatures of an identity: nobody says whom to believe', {
      hint: 'Add --trusted-root FILE, as "cosign trusted-root create" writes it, or run "cosign initialize" once',
    })
  }
}

function withProblem(verified: Verified, message: string): Verified {
  const problem = { level: 'error' as const, digest: verified.digest, message }
  return { ...verified, ok: false, problems: [problem, ...verified.problems] }
}
