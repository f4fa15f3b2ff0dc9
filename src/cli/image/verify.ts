import type { VerifyCommand } from '../../config/image-command.ts'
import { verifyImage, type Verified } from '../../image/verify.ts'
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
    return command.key === undefined ? verified : withSignatures(verified, command.key, { source, signal })
  })
  await print(terminal.stdout, command.json ? toJson(found) : formatVerified(found))
  return found.ok ? 0 : 1

  async function withSignatures(
    verified: Verified,
    key: string,
    { source, signal }: Pick<ImageEdges, 'signal'> & { readonly source: Awaited<ReturnType<ImageEdges['open']>> },
  ): Promise<Verified> {
    const [{ readPublicKey }, { findSignatures }] = await Promise.all([
      import('../../sign/keys.ts'),
      import('../../sign/signatures.ts'),
    ])
    const publicKey = await readPublicKey(key, { cwd: command.cwd, env: terminal.env })
    const { descriptor } = await source.root(signal)
    if (descriptor.digest !== verified.digest) return withProblem(verified, 'was moved while it was checked')
    const { valid, found: all } = await findSignatures(source, { subject: descriptor, publicKey }, signal)
    const signed = { ...verified, signatures: valid }
    if (valid.length > 0) return signed
    return withProblem(
      signed,
      all === 0 ? 'is not signed' : `is not signed with "${key}": it has ${all} other signatures`,
    )
  }
}

function withProblem(verified: Verified, message: string): Verified {
  const problem = { level: 'error' as const, digest: verified.digest, message }
  return { ...verified, ok: false, problems: [problem, ...verified.problems] }
}
