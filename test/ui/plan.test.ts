import { expect, test } from 'vitest'
import type { BuildPlan } from '../../src/plan/types.ts'
import { parsePlatform } from '../../src/platform.ts'
import { formatPlan } from '../../src/ui/plan.ts'

const amd64 = parsePlatform('linux/amd64')
const arm64 = parsePlatform('linux/arm64')

test('a plan as a table', async () => {
  const notNative = [{ kind: 'native' as const, node: 'local', because: 'the CPU runs linux/amd64 and linux/386' }]
  const plan: BuildPlan = {
    dockerfile: 'deploy/Dockerfile',
    buildPlatform: amd64,
    platforms: [amd64, arm64],
    jobs: [
      {
        kind: 'stage',
        id: 'a',
        stage: 'tools',
        needs: [],
        platform: amd64,
        targets: [amd64, arm64],
        decision: {
          strategy: { kind: 'cross', node: 'local' },
          reason: 'FROM --platform=$BUILDPLATFORM',
          rejected: [],
        },
      },
      {
        kind: 'image',
        id: 'b',
        stage: '1',
        needs: ['a'],
        platform: amd64,
        target: amd64,
        decision: { strategy: { kind: 'native', node: 'local' }, reason: 'the CPU runs it', rejected: [] },
      },
      {
        kind: 'image',
        id: 'c',
        stage: '1',
        needs: ['a'],
        platform: arm64,
        target: arm64,
        decision: {
          strategy: { kind: 'emulate', node: 'local', emulator: 'qemu-aarch64-static' },
          reason: 'a probe ran under QEMU',
          rejected: notNative,
        },
      },
    ],
  }
  await expect(formatPlan(plan)).toMatchFileSnapshot('../fixtures/ui/plan.txt')
})

test('an empty plan has a head and no rows', () => {
  const text = formatPlan({ dockerfile: 'Dockerfile', buildPlatform: amd64, platforms: [amd64], jobs: [] })
  expect(text.trimEnd().split('\n')).toHaveLength(3)
})
