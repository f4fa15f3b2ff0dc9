import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that take long, slowest first: begun last, one of them would run alone at the end. Those that share the store
 * of packs (accel) or wait for the same Docker to be made are far from each other.
 */
const SLOW = [
  'e2e/nodes.e2e.ts',
  'e2e/accel-go.e2e.ts',
  'e2e/many-nodes.e2e.ts',
  'e2e/buildkit.e2e.ts',
  'e2e/failover.e2e.ts',
  'e2e/accel.e2e.ts',
  'e2e/examples.e2e.ts',
  'e2e/remote.e2e.ts',
  'e2e/suggest.e2e.ts',
  'e2e/accel-tools.e2e.ts',
  'e2e/run-mounts.e2e.ts',
  'e2e/cache.e2e.ts',
  'sandbox/trust.sandbox.ts',
  'sandbox/refused-escapes.sandbox.ts',
  'e2e/node-packs.e2e.ts',
  'test/action/package.integration.ts',
  'test/source/hostile-repositories.integration.ts',
  'test/config/bake/hostile.integration.ts',
  'test/config/compose/hostile.integration.ts',
  'test/dockerfile/limits.integration.ts',
  'test/architecture.test.ts',
]

/** Runs slow files first, and then the others in Vitest's own order. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = SLOW.findIndex((name) => moduleId.endsWith(`/${name}`))
      return at === -1 ? SLOW.length : at
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
