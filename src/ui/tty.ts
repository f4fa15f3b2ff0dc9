import type * as listr2 from 'listr2'
import { createProgress, update } from './progress.ts'
import { cleanLine, createPaint, type Paint } from './text.ts'
import type { Ui, UiOptions } from './types.ts'
import { viewFinal, viewRunning, type Block, type ViewOptions } from './view.ts'

/** Milliseconds; a build that ends sooner is only told, not drawn: listr2 is not even loaded. */
const DRAW_AFTER = 200
const REDRAW_EVERY = 120

export interface TtyOptions extends Pick<UiOptions, 'stderr' | 'now'> {
  readonly color: boolean
  readonly drawAfter?: number
}

/** A picture of the running build, drawn in place by listr2. */
export function createTtyUi({ stderr, color, now = Date.now, drawAfter = DRAW_AFTER }: TtyOptions): Ui {
  const progress = createProgress()
  const paint = createPaint(color)
  const notes: Block[] = []
  // listr2 cuts lines to the width of stdout, 80 when that is a pipe: what it would cut must not be there
  const columns = () => Math.min(stderr.columns ?? 80, process.stdout.columns ?? 80)
  const size = (): ViewOptions => ({ columns: columns(), rows: stderr.rows ?? 24, now: now(), paint })
  let drawing: Promise<Drawing | undefined> | undefined
  const timer = setTimeout(() => {
    const blocks = () => [...viewRunning(progress, size()), ...notes]
    drawing = startDrawing(stderr, paint, blocks).catch(() => undefined) // a build does not fail because its picture does
  }, drawAfter)

  return {
    emit: (event) => update(progress, event),
    note: (text) => void notes.push({ key: `note ${notes.length}`, status: 'running', lines: [cleanLine(text)] }),
    async finish() {
      clearTimeout(timer)
      const last = [...viewFinal(progress, size()), ...notes.map((note) => ({ ...note, status: 'skipped' as const }))]
      const drawn = await drawing
      if (drawn) await drawn.end(last)
      else
        for (const { status, lines } of last)
          stderr.write(`${paint(ICONS[status].color, ICONS[status].text)} ${lines.join('\n  ')}\n`)
      for (const { message, source } of progress.warnings) {
        stderr.write(
          `${paint('yellow', `warning: ${message}${source ? ` (${cleanLine(source.file)}:${source.line})` : ''}`)}\n`,
        )
      }
    },
  }
}

const ICONS = {
  running: { text: '-', color: 'yellow' },
  done: { text: '✔', color: 'green' },
  failed: { text: '✖', color: 'red' },
  skipped: { text: '↓', color: 'yellow' },
} as const

type List = listr2.Listr<object, 'default', 'default'>

interface Drawing {
  end(last: readonly Block[]): Promise<void>
}

async function startDrawing(
  stderr: UiOptions['stderr'],
  paint: Paint,
  blocks: () => readonly Block[],
): Promise<Drawing> {
  const { Listr, ListrLogger, ListrTaskState, ProcessOutput } = await import('listr2')
  const stream = stderr as NodeJS.WriteStream
  const rendererOptions = {
    logger: new ListrLogger({ processOutput: new ProcessOutput(stream, stream, { leaveEmptyLine: false }) }),
    formatOutput: 'truncate' as const,
    showErrorMessage: false,
    color: {
      PENDING: (text = '') => paint('cyan', text),
      COMPLETED: (text = '') => paint('green', text),
      FAILED: (text = '') => paint('red', text),
      SKIPPED_WITH_COLLAPSE: (text = '') => paint('yellow', text),
    },
  }
  // Both promises must be there before listr2 runs: what happens during its start would be lost
  let end = () => {}
  const ended = new Promise<void>((resolve) => (end = resolve))
  let begin = () => {}
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const keepOpen = () => {
    begin()
    return ended
  }
  const list: List = new Listr([{ task: keepOpen }], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    // listr2 looks at stdout to choose; we have looked at stderr, so both are the same
    renderer: 'default',
    fallbackRenderer: 'default',
    rendererOptions,
    fallbackRendererOptions: rendererOptions,
  })
  const run = list.run()
  await Promise.race([begun, run])
  const show = createPainter(list, ListrTaskState)
  const timer = setInterval(() => show(blocks()), REDRAW_EVERY)
  show(blocks())
  return {
    async end(last) {
      clearInterval(timer)
      show(last)
      end()
      await run
    },
  }
}

/** Keeps one listr2 row per block. Rows are never run by listr2: their state is what the block says. */
function createPainter(list: List, states: typeof listr2.ListrTaskState): (blocks: readonly Block[]) => void {
  const rows = new Map<string, List['tasks'][number]>()
  const stateOf = { running: states.STARTED, done: states.COMPLETED, failed: states.FAILED, skipped: states.SKIPPED }
  return (blocks) => {
    for (const block of blocks) {
      const row = rows.get(block.key) ?? addRow(block.key)
      row.title = block.lines.join('\n') // without an event: the spinner redraws soon enough, once for all rows
      if (row.state !== stateOf[block.status]) row.state$ = stateOf[block.status]
    }
  }

  function addRow(key: string): List['tasks'][number] {
    list.add({ task: () => {} })
    const row = list.tasks.at(-1)!
    void row.check({}) // listr2 shows a row only after it was checked, and checks only rows that wait
    rows.set(key, row)
    return row
  }
}
