import { compact } from '../compact.ts'
import type { NodeReport } from '../nodes/report.ts'
import { formatPlatform, type Platform, samePlatform } from '../platform.ts'
import type { Finding } from './finding.ts'

/** What is to be said of a node. `wanted`: platforms that must be built somewhere. */
export function judgeNode({ name, endpoint, used, origin, state }: NodeReport, wanted: readonly Platform[]): Finding[] {
  const finding = (what: string, level: Finding['state'], text: string, fix?: string): Finding => ({
    node: name,
    name: what,
    state: level,
    text,
    ...compact({ fix }),
  })
  if (state.status === 'lost')
    return [
      finding(
        'node',
        used ? 'problem' : 'warning',
        `${state.because} (${origin})`,
        state.hint ?? `Check that the machine is up and the engine runs at ${endpoint}`,
      ),
    ]
  const { driver, version, native, emulated, load, cache } = state
  const ready = emulated.flatMap((entry) => (entry.status === 'ready' ? [formatPlatform(entry.platform)] : []))
  const facts = [
    `${version}${driver === 'docker' ? ' without BuildKit' : ''}`,
    `native ${native.map(formatPlatform).join(', ')}`,
    `emulated ${ready.join(', ') || 'nothing'}`,
    `${load.running} running`,
    ...(cache === undefined ? [] : [`cache ${(cache / 1e9).toFixed(1)} GB`]),
  ]
  const missing = wanted.flatMap((platform) => {
    const entry = emulated.find((one) => samePlatform(one.platform, platform))
    if (entry?.status !== 'missing') return []
    return [
      finding(
        formatPlatform(platform),
        'warning',
        entry.reason,
        entry.timedOut ? `Give it more time: xbuild doctor --timeout 30s` : entry.hint,
      ),
    ]
  })
  return [finding('node', 'ok', facts.join('; ')), ...missing]
}
