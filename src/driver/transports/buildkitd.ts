import { compact } from '../../compact.ts'
import type { Transport } from '../transport.ts'
import type { Dial } from '../dial.ts'

/** A BuildKit daemon at the other end of a connection; its session goes through the control API. */
export function buildkitTransport(dial: Dial): Transport {
  return {
    endpoint: dial.endpoint,
    ...compact({ authority: dial.authority }),
    control: (signal) => dial.connect(signal),
    close: () => dial.close(),
  }
}
