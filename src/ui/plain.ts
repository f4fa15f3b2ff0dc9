import type { BuildEvent } from '../events.ts'
import { targetName } from '../plan/target-id.ts'
import { movedText, placeText } from './progress.ts'
import { cleanLine, createPaint, formatBytes, formatDuration, type Color } from './text.ts'
import type { Ui, UiOptions } from './types.ts'

type TransferEvent = Extract<BuildEvent, { type: 'transfer' }>

/** How often a running transfer says where it is. */
const TRANSFER_INTERVAL = 5000

/** Lines that only ever get added, each with the number of its step: `#3 0.12 cc -c main.c`. */
export function createPlainUi({ stderr, color }: Pick<UiOptions, 'stderr'> & { readonly color: boolean }): Ui {
  const paint = createPaint(color)
  const steps = new Map<string, { readonly number: number; readonly startedAt: number }>()
  const transfers = new Map<string, { readonly number: number; readonly startedAt: number; saidAt: number }>()
  let numbers = 0
  const say = (text: string, color?: Color) => void stderr.write(`${color ? paint(color, text) : text}\n`)
  const head = (text: string) => {
    if (++numbers > 1) say('')
    say(`#${numbers} ${text}`, 'cyan')
    return numbers
  }
  return { emit, note: (text) => say(cleanLine(text)), finish: async () => {} }

  function emit(event: BuildEvent): void {
    switch (event.type) {
      case 'step.start':
        steps.set(event.step, { number: head(cleanLine(event.name)), startedAt: event.at })
        return
      case 'step.log':
      case 'step.done':
      case 'step.fail':
        return onStep(event)
      case 'transfer':
        return onTransfer(event)
      case 'job.move':
        return say(movedText(event), 'yellow')
      case 'job.skip':
        return say(`${targetName(event)} SKIPPED: ${cleanLine(event.because)}`, 'yellow')
      case 'warning': {
        const place = event.source ? ` (${cleanLine(event.source.file)}:${event.source.line})` : ''
        return say(`warning: ${cleanLine(event.message)}${place}`, 'yellow')
      }
      case 'job.start':
        if (event.node !== undefined && event.node !== 'local')
          say(`${targetName(event)}: ${placeText(event.strategy, event.node)}`, 'dim')
        return
      case 'job.done':
      case 'job.fail': // steps say it, and the summary or the error at the end
    }
  }

  function onStep(event: Extract<BuildEvent, { type: 'step.log' | 'step.done' | 'step.fail' }>): void {
    const step = steps.get(event.step)
    if (!step) return
    const elapsed = event.at - step.startedAt
    if (event.type === 'step.log') say(`#${step.number} ${(elapsed / 1000).toFixed(2)} ${cleanLine(event.line)}`)
    else if (event.type === 'step.fail') say(`#${step.number} ERROR: ${cleanLine(event.error.message)}`, 'red')
    else say(`#${step.number} ${event.cached ? 'CACHED' : `DONE ${formatDuration(elapsed)}`}`, 'cyan')
  }

  function onTransfer(event: TransferEvent): void {
    const transfer = transfers.get(event.id) ?? {
      number: head(cleanLine(event.name)),
      startedAt: event.at,
      saidAt: event.at,
    }
    transfers.set(event.id, transfer)
    if (event.done) {
      say(
        `#${transfer.number} DONE ${formatDuration(event.at - transfer.startedAt)} ${formatBytes(event.current)}`,
        'cyan',
      )
    } else if (event.at - transfer.saidAt >= TRANSFER_INTERVAL) {
      transfer.saidAt = event.at
      say(
        `#${transfer.number} ${formatBytes(event.current)}${event.total === undefined ? '' : ` / ${formatBytes(event.total)}`}`,
      )
    }
  }
}
