import { XbuildError } from '../errors.ts'
import type { NetworkResult, RunParams } from './protocol.ts'
import type { RunVertex } from './vertex.ts'
import type { Worker } from './worker-client.ts'

/** The networks of a build's steps: one of their own per worker, opened by the first step that needs it. */
export interface Networks {
  /** The network of a step on a worker, opened. Throws HOST when it must be private and cannot be. */
  of(worker: Worker, vertex: RunVertex, signal: AbortSignal): Promise<RunParams['network']>
  /** Opens what `of` will want, without waiting for it: it takes a while that other work can fill. */
  prepare(worker: Promise<Worker>, vertex: RunVertex, signal: AbortSignal): void
}

/** Prepares the networks of a build. */
export function createNetworks(warn: (message: string) => void): Networks {
  const opened = new WeakMap<Worker, Promise<NetworkResult>>()
  const said = new Set<string>()

  function say(message: string): void {
    if (said.has(message)) return
    said.add(message)
    warn(message)
  }

  function tellHost({ scope }: RunVertex, { reason, fix }: NetworkResult & { kind: 'host' }): 'host' {
    if (scope.container.network === 'private') {
      throw new XbuildError('HOST', `Cannot give steps a network of their own: ${reason}`, { hint: fix })
    }
    say(`Steps share the network of this machine, its loopback services included: ${reason}. ${fix}`)
    return 'host'
  }

  function tellLoopback({ step, scope }: RunVertex): void {
    for (const name of loopbackProxies([...step.env, ...step.secretEnv]).slice(0, 1)) {
      say(
        `${name} is a loopback address, which inside a step is the step itself: let the proxy listen on another address, or build with --network host`,
      )
    }
    for (const { name } of scope.container.hosts.filter(({ ip }) => isLoopback(ip))) {
      say(
        `--add-host ${name} is a loopback address, which inside a step is the step itself: steps reach services of this machine only with --network host`,
      )
    }
  }

  function open(worker: Worker, signal: AbortSignal): Promise<NetworkResult> {
    const known = opened.get(worker) ?? worker.call('openNetwork', {}, { signal })
    opened.set(worker, known)
    return known
  }

  return {
    prepare(worker, vertex, signal) {
      const opens = wantedBy(vertex) !== 'host' && wantedBy(vertex) !== 'none'
      // Who waits for the worker, or calls `of`, is told what went wrong
      void worker.then((one) => (opens ? open(one, signal) : undefined)).catch(() => undefined)
    },
    async of(worker, vertex, signal) {
      const wanted = wantedBy(vertex)
      if (wanted === 'host' || wanted === 'none') return wanted
      const result = await open(worker, signal)
      if (result.kind === 'host') return tellHost(vertex, result)
      result.notes.forEach(say)
      tellLoopback(vertex)
      return result.kind
    },
  }
}

function wantedBy({ step, scope }: RunVertex): RunVertex['scope']['container']['network'] {
  return step.network === 'default' ? scope.container.network : step.network
}

/** Names of a step's variables that are proxies on this machine's loopback. */
function loopbackProxies(env: readonly string[]): string[] {
  return env.flatMap((line) => {
    const [name = '', value = ''] = line.split(/=(.*)/s)
    if (!/^(https?|ftp|all)_proxy$/i.test(name)) return []
    const url = value.includes('://') ? value : `http://${value}`
    const host = URL.canParse(url) ? new URL(url).hostname : ''
    return isLoopback(host.replace(/^\[(.*)\]$/, '$1')) ? [name] : []
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}
