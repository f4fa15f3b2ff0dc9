import { expect, test } from 'vitest'
import { createProgress, update, type Progress } from '../../src/ui/progress.ts'
import { createPaint } from '../../src/ui/text.ts'
import { viewFinal, viewRunning, type Block, type ViewOptions } from '../../src/ui/view.ts'
import { sampleEvents, START } from './events.ts'

const paint = createPaint(false)

function after(events: number): Progress {
  const progress = createProgress()
  for (const event of sampleEvents().slice(0, events)) update(progress, event)
  return progress
}

function size(seconds: number, rows = 40): ViewOptions {
  return { columns: 60, rows, now: START + seconds * 1000, paint }
}

function draw(blocks: readonly Block[]): string {
  return blocks.map((block) => `(${block.status}) ${block.lines.join('\n')}\n`).join('')
}

test('while it runs: platforms with their steps, last log lines, and transfers with their bytes', async () => {
  const pulling = draw(viewRunning(after(4), size(2.5)))
  const running = draw(viewRunning(after(13), size(9)))
  const failed = draw(viewRunning(after(19), size(72)))
  const final = draw(viewFinal(after(19), size(72)))
  await expect([pulling, running, failed, final].join('---\n')).toMatchFileSnapshot('../fixtures/ui/view.txt')
})

test.each([4, 10, 24])('the picture is never higher than %i rows', (rows) => {
  const progress = createProgress()
  for (const platform of ['linux/amd64', 'linux/arm64']) {
    update(progress, { type: 'job.start', job: platform, platform, strategy: 'native', at: START })
    for (let i = 0; i < 50; i++) {
      update(progress, {
        type: 'step.start',
        step: `${platform} ${i}`,
        name: `step ${i}`,
        platforms: [platform],
        at: START,
      })
      update(progress, { type: 'step.log', step: `${platform} ${i}`, stream: 'stdout', line: 'a line', at: START })
      if (i % 2) update(progress, { type: 'step.done', step: `${platform} ${i}`, cached: false, at: START })
    }
  }
  const blocks = viewRunning(progress, size(1, rows))
  expect(blocks.flatMap((block) => block.lines).length).toBeLessThanOrEqual(rows)
  expect(blocks[0]?.lines.at(-1)).toMatch(/more running/)
})

test('lines fit the terminal and keep the time in sight', () => {
  const progress = createProgress()
  const name = `[linux/amd64 build 1/1] RUN ${'x'.repeat(500)}`
  update(progress, { type: 'step.start', step: 's', name, platforms: ['linux/amd64'], at: START })
  update(progress, { type: 'step.log', step: 's', stream: 'stdout', line: 'y'.repeat(500), at: START })
  const lines = viewRunning(progress, size(3)).flatMap((block) => block.lines)
  expect(lines[1]).toMatch(/^\[build 1\/1\] RUN x+… {2}3\.0s$/)
  expect(lines[2]).toMatch(/^ {2}│ y+…$/)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60)
})

test('only the last lines of a step are kept, and none of a finished one', () => {
  const progress = createProgress()
  update(progress, { type: 'step.start', step: 's', name: 'a step', platforms: [], at: START })
  for (let i = 0; i < 1000; i++)
    update(progress, { type: 'step.log', step: 's', stream: 'stdout', line: `line ${i}`, at: START })
  expect(progress.steps.get('s')?.step.log).toEqual([994, 995, 996, 997, 998, 999].map((i) => `line ${i}`))
  update(progress, { type: 'step.done', step: 's', cached: false, at: START })
  expect(progress.steps.get('s')?.step.log).toEqual([])
})

test('steps of many platforms are one group', () => {
  const progress = createProgress()
  update(progress, { type: 'step.start', step: 's', name: 'a step', platforms: ['a', 'b', 'c', 'd'], at: START })
  expect(draw(viewRunning(progress, size(1)))).toBe('(running) shared steps · 1.0s\na step  1.0s\n')
})
