import { type Endpoint, formatEndpoint } from '../../config/endpoint.ts'
import { programStream } from '../../host/program-stream.ts'
import type { Dial } from '../dial.ts'
import { unreachable } from '../connection-failure.ts'

/** buildkitd in a Kubernetes pod, by the user's own kubectl. */
export function dialPod(
  endpoint: Endpoint & { kind: 'pod' },
  { env }: { readonly env: Readonly<Record<string, string | undefined>> },
): Dial {
  const shown = formatEndpoint(endpoint)
  const { context, namespace, pod, container } = endpoint
  const args = [
    ...(context ? [`--context=${context}`] : []),
    ...(namespace ? [`--namespace=${namespace}`] : []),
    'exec',
    '-i',
    pod,
    ...(container ? [`--container=${container}`] : []),
    '--',
    'buildctl',
    'dial-stdio',
  ]
  return {
    endpoint: shown,
    async connect(signal) {
      signal.throwIfAborted()
      return programStream('kubectl', args, {
        env,
        failure: (state, said) =>
          unreachable(shown, said.at(-1)?.trim() ?? state, {
            output: said,
            hint: 'See whether it works by hand: kubectl exec POD -- buildctl debug workers',
          }),
      })
    },
    close: async () => undefined,
  }
}
