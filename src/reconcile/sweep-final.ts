// A slow walk over the final folder, one listing a run: recordings whose files are gone, or back, are told to look for
// themselves. Exists for objects that somebody deleted by hand, which no event tells of (faults P2). It concludes nothing:
// a listing may be late, and the recording's object looks at the very object before it believes anything.
import { readPlaced } from '../catalog/final-files.ts'
import type { Placed } from '../catalog/final-files.ts'
import { logInfo } from '../log.ts'
import { finalFolder } from '../recording/keys.ts'
import type { Run } from './run.ts'

const objectsPerPage = 1000
const recordingsPerPage = 1000
/** The listing, the query, and one recording that is told. */
const requestsPerPage = 3

/** @returns the id to go on after; `null` at the end */
export async function sweepFinal(run: Run, afterId: string | null): Promise<string | null> {
  const { store, config, budget, env, report } = run
  if (!budget.has(requestsPerPage)) return afterId
  const prefix = config.finalPrefix
  // Behind every name in the folder of that recording.
  const after = afterId === null ? null : `${finalFolder(prefix, afterId)}\u{10ffff}`
  const page = await store.list({ prefix, after, limit: objectsPerPage })
  const keys = new Set(page.objects.map(({ key }) => key))
  const ids = [
    ...new Set(page.objects.map(({ key }) => key.slice(prefix.length).split('/')[0] ?? '')),
  ]
  const isEnd = page.next === null
  // The last one's files may go on behind the page. One that fills a page by itself cannot be judged at all.
  const to = isEnd ? null : (ids.at(-2) ?? null)
  if (!isEnd && to === null) return ids.at(-1) ?? null
  budget.spend()
  const placed = await readPlaced(env.DB, { after: afterId ?? '', to, limit: recordingsPerPage })
  let reached = afterId
  for (const recording of placed) {
    if (differs(recording, keys, finalFolder(prefix, recording.egressId))) {
      if (!budget.has(1)) return reached
      budget.spend()
      await env.RECORDING.getByName(recording.egressId).lookAtFiles()
      report.missing += 1
      logInfo('sweep.final-differs', { egressId: recording.egressId })
    }
    reached = recording.egressId
  }
  if (placed.length === recordingsPerPage) return reached
  return to
}

/** True when a file is not where the catalogue has it, or is there again. What lies elsewhere is not in the listing. */
function differs({ files }: Placed, keys: ReadonlySet<string>, folder: string): boolean {
  return files.some(({ key, kind, state }) => {
    if (key === null || kind === 'manifest' || !key.startsWith(folder)) return false
    return (state === 'final' && !keys.has(key)) || (state === 'missing' && keys.has(key))
  })
}
