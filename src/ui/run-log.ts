import type { LogEntry } from '../store/runs/run-log.ts'
import { createPlainUi } from './plain.ts'
import { formatBytes } from './text.ts'

/** Shows what a run said as `--progress plain` does; of one platform or image only what its steps said. */
export function createLogUi(
  { write, color }: { readonly write: (text: string) => void; readonly color: boolean },
  { platform, image }: { readonly platform?: string; readonly image?: string } = {},
): (entry: LogEntry) => void {
  const ui = createPlainUi({ stderr: { write: (text: string) => (write(text), true) } as never, color })
  const isAll = platform === undefined && image === undefined
  const shown = new Set<string>()

  function isWanted(entry: LogEntry): boolean {
    if (isAll) return true
    switch (entry.type) {
      case 'step.start': {
        const wanted =
          (platform === undefined || entry.platforms.includes(platform)) &&
          (image === undefined || (entry.images ?? []).includes(image))
        if (wanted) shown.add(entry.step)
        return wanted
      }
      case 'step.log':
      case 'step.done':
      case 'step.fail':
        return shown.has(entry.step)
      case 'job.move':
      case 'job.skip':
        return (platform ?? entry.platform) === entry.platform && (image ?? entry.image) === entry.image
      case 'cut':
        return platform === undefined || entry.platforms.includes(platform)
      default:
        return false
    }
  }

  return (entry) => {
    if (!isWanted(entry)) return
    if (entry.type !== 'cut') return ui.emit(entry)
    const of = entry.platforms.filter(Boolean).join(', ')
    ui.note(`... ${of ? `steps for ${of}` : 'steps'} printed more: ${formatBytes(entry.limit)} are kept`)
  }
}
