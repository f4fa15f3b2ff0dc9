import type { BuildEvent } from '../../src/events.ts'
import { XbuildError } from '../../src/errors.ts'

/** Milliseconds at which every list of events here begins. */
export const START = 1_700_000_000_000

const HOSTILE = '\x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07\x9b1A\u202eevil'

/**
 * A build for two platforms with a shared stage, a cache hit, a transfer, hostile log lines, a warning and a failure.
 */
export function sampleEvents(): BuildEvent[] {
  const at = (seconds: number) => START + seconds * 1000
  const amd64 = 'linux/amd64'
  const arm64 = 'linux/arm64'
  const place = { file: 'Dockerfile', line: 3 }
  const failure = new XbuildError('RUN_FAILED', 'Cannot run "make": exit status 2', { at: place, output: ['boom'] })
  return [
    { type: 'job.start', job: 'image-amd64', platform: amd64, strategy: 'native', at: at(0) },
    { type: 'job.start', job: 'image-arm64', platform: arm64, strategy: 'emulate', at: at(0) },
    { type: 'transfer', id: 'blob', name: 'pull docker.io/library/alpine:3', current: 0, total: 4_000_000, at: at(0) },
    {
      type: 'transfer',
      id: 'blob',
      name: 'pull docker.io/library/alpine:3',
      current: 1_500_000,
      total: 4_000_000,
      at: at(2),
    },
    {
      type: 'transfer',
      id: 'blob',
      name: 'pull docker.io/library/alpine:3',
      current: 3_000_000,
      total: 4_000_000,
      at: at(6),
    },
    {
      type: 'transfer',
      id: 'blob',
      name: 'pull docker.io/library/alpine:3',
      current: 4_000_000,
      total: 4_000_000,
      done: true,
      at: at(7),
    },
    { type: 'step.start', step: 's', name: '[linux/amd64 tools 1/1] RUN gen', platforms: [amd64, arm64], at: at(7) },
    { type: 'step.done', step: 's', cached: true, at: at(7) },
    { type: 'step.start', step: 'a', name: '[linux/amd64 build 2/2] RUN make', platforms: [amd64], at: at(7) },
    { type: 'step.start', step: 'b', name: '[linux/arm64 build 2/2] RUN make', platforms: [arm64], at: at(7) },
    { type: 'step.log', step: 'a', stream: 'stdout', line: 'cc -c main.c', at: at(7.25) },
    { type: 'step.log', step: 'b', stream: 'stderr', line: HOSTILE, at: at(7.5) },
    { type: 'step.log', step: 'b', stream: 'stdout', line: ' 10%\r 50%\r100%\r', at: at(8) },
    {
      type: 'warning',
      message: 'JSON arguments recommended for CMD',
      source: { file: 'Dockerfile', line: 9 },
      at: at(8),
    },
    { type: 'step.done', step: 'a', cached: false, at: at(9.5) },
    { type: 'job.done', job: 'image-amd64', platform: amd64, digest: `sha256:${'a'.repeat(64)}`, at: at(10) },
    { type: 'step.fail', step: 'b', error: failure, at: at(71) },
    { type: 'job.fail', job: 'image-arm64', platform: arm64, error: failure, at: at(71) },
    { type: 'job.skip', job: 'image-s390x', platform: 'linux/s390x', because: '"build" failed', at: at(71) },
  ]
}

/** A stream that keeps what it gets. */
export function fakeStream(size: { columns?: number; rows?: number } = {}) {
  const chunks: string[] = []
  const stream = {
    ...size,
    isTTY: true,
    write(chunk: string | Uint8Array): boolean {
      chunks.push(String(chunk))
      return true
    },
  }
  return { stream: stream as unknown as NodeJS.WriteStream, chunks, text: () => chunks.join('') }
}
