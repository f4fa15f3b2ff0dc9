/** What is signed, and what it is. */
export interface Enveloped {
  readonly payload: Buffer
  readonly payloadType: string
}

/** The bytes that a signature in a DSSE envelope is of. */
export function preAuthEncoding({ payload, payloadType }: Enveloped): Buffer {
  const type = Buffer.from(payloadType)
  return Buffer.concat([Buffer.from('DSSEv1 '), ...lengthAnd(type), Buffer.from(' '), ...lengthAnd(payload)])
}

function lengthAnd(bytes: Buffer): readonly Buffer[] {
  return [Buffer.from(`${bytes.length} `), bytes]
}
