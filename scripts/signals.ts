// What happens when somebody ends a script: Ctrl-C, a closed terminal, `kill`, or npm gone without a word. The last one
// exists because npm does not hand every signal on: it dies, and leaves its script as an orphan.
import { constants } from 'node:os'

const parentLookMs = 1_000

/** Aborts when this process is to end. The reason is the exit code that the shell expects. */
export function endSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort(128 + constants.signals[signal]))
  }
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) controller.abort(128 + constants.signals.SIGHUP)
  }, parentLookMs).unref()
  return controller.signal
}
