import { expect, test } from 'vitest'
import { withDefaultEdges } from '../../src/session/edges.ts'

test('what a caller gives stays: secrets of a project, and what is there beside the defaults', () => {
  const secretEnv = { TOKEN: 'of the project' }
  const edges = withDefaultEdges({ secretEnv, failFast: true })
  expect(edges).toMatchObject({ secretEnv, failFast: true, env: process.env })
})
