// What the page asks the Worker: what it should show by now, and to look into a file that did not load.
export interface View {
  view: string
  heading: string
  message: string
  progress: number | null
}

const waiting = new Set(['waiting', 'processing', 'live'])
const everyMs = 4_000
const longestMs = 60_000
let pauseMs = everyMs

/** True for a page that turns into another one by itself. */
export function waits(): boolean {
  return waiting.has(document.body.dataset['view'] ?? '')
}

/** Waits a while, then asks. `null` when nobody answers: the pause grows. */
export async function askState(): Promise<View | null> {
  await new Promise((resolve) => setTimeout(resolve, pauseMs))
  const view = await ask(document.body.dataset['state'] ?? '')
  pauseMs = view === null ? Math.min(pauseMs * 2, longestMs) : everyMs
  return view
}

export async function askFailure(): Promise<View | null> {
  return ask(document.body.dataset['failures'] ?? '', { method: 'POST' })
}

async function ask(address: string, init: RequestInit = {}): Promise<View | null> {
  try {
    const answer = await fetch(address, { ...init, cache: 'no-store' })
    return answer.ok ? ((await answer.json()) as View) : null
  } catch {
    // No network just now.
    return null
  }
}
