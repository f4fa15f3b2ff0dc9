import { expect, test } from 'vitest'
import { formatImagesTable } from '../../src/ui/images-table.ts'
import { createStepCounts } from '../../src/ui/step-counts.ts'

test('a table says how many steps were known, and how large each image is', () => {
  const steps = createStepCounts()
  const platforms = ['linux/amd64', 'linux/arm64']
  steps.take({ type: 'step.start', step: 'a', name: 'shared', platforms, images: ['web', 'api'], at: 0 })
  steps.take({ type: 'step.start', step: 'b', name: 'own', platforms: ['linux/amd64'], images: ['web'], at: 0 })
  steps.take({ type: 'step.done', step: 'a', cached: true, at: 1 })
  steps.take({ type: 'step.done', step: 'b', cached: false, at: 1 })
  const image = { digest: 'sha256:1', strategy: 'native', node: 'local', seconds: 1.25 }
  const result = {
    digest: 'sha256:0',
    images: [
      { ...image, platform: 'linux/amd64', size: 1_234_567 },
      { ...image, platform: 'linux/arm64' },
    ],
    tags: [],
    outputs: [],
    stored: '/store',
  }
  const table = formatImagesTable(
    [
      { name: 'web', result },
      { name: 'api', error: { message: 'no' } },
    ],
    {
      color: false,
      steps,
    },
  )
  expect(table).toBe(
    [
      'IMAGE  PLATFORM     STRATEGY  CACHED  TIME  SIZE    DIGEST',
      'web    linux/amd64  native    1/2     1.3s  1.2 MB  sha256:1',
      'web    linux/arm64  native    1/1     1.3s          sha256:1',
      'api                 failed',
      '',
    ].join('\n'),
  )
})
