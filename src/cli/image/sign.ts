import type { SignCommand } from '../../config/image-command.ts'
import { formatReference } from '../../oci/reference.ts'
import { openSigner } from '../../sign/open-signer.ts'
import { signManifest } from '../../sign/sign-image.ts'
import { toJson } from '../../ui/image.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages } from './open.ts'

/** `xbuild image sign`: the digest that is signed, on stdout. */
export async function runSign(command: SignCommand, terminal: Terminal): Promise<number> {
  const { ref, cwd, json } = command
  const withSigner = await openSigner(command.by, { cwd, env: terminal.env })
  const { digest, state } = await withImages(command, terminal, async ({ registry, signal }) => {
    const { descriptor } = await registry.manifest(ref, { signal, direct: true })
    const how = { created: new Date(), registry, signal }
    const state = await withSigner(signal, (by) => signManifest(ref, descriptor, { ...how, by }))
    return { digest: descriptor.digest, state }
  })
  if (!json && state === 'known')
    terminal.stderr.write(`The ${command.by.by === 'key' ? 'key' : 'identity'} has signed it before\n`)
  await print(terminal.stdout, json ? toJson({ name: formatReference(ref), digest, state }) : `${digest}\n`)
  return 0
}
