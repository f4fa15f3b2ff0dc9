import { expect, test } from 'vitest'
import { parseDockerfile } from '../../../src/dockerfile/parse.ts'
import { createClassicProgress } from '../../../src/driver/docker/classic-progress.ts'
import type { BuildEvent } from '../../../src/events.ts'

test('a step whose line comes in two parts is told once', () => {
  const events: BuildEvent[] = []
  const progress = createClassicProgress({
    emit: (event) => void events.push(event),
    platform: { os: 'linux', architecture: 'amd64' },
    dockerfile: parseDockerfile('FROM busybox\nRUN true\n', { file: 'Dockerfile' }).dockerfile,
    endpoint: 'unix:///docker.sock',
    emulated: false,
    id: 'b',
  })
  for (const stream of ['Step 1/2 : FROM bus', 'ybox\n', ' ---> Using cache\nStep 2/2 : RUN true\n', 'out', 'put\n'])
    progress.take({ stream })
  expect(progress.end()).toBeUndefined()
  const told = events.map((event) => {
    if (event.type === 'step.start') return event.name
    if (event.type === 'step.log') return event.line
    return event.type === 'step.done' ? `done, cached: ${event.cached}` : event.type
  })
  expect(told).toEqual([
    '[linux/amd64 1/2] FROM busybox',
    'done, cached: true',
    '[linux/amd64 2/2] RUN true',
    'output',
    'done, cached: false',
  ])
})
