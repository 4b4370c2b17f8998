// Somebody could not load a file that ought to be there. The recording's object looks at its final files, at most once in
// a while however many players complain; what it finds stands in the catalogue from then on.
import type { Context } from 'hono'
import type { AppEnv } from './context.ts'
import { playerMemory } from './player-memory.ts'

/** One isolate asks once in this time; the object has a limit of its own. */
const againMs = 60_000

export async function lookForFiles(context: Context<AppEnv>, egressId: string): Promise<void> {
  const { looked } = playerMemory(context.get('config'))
  if (looked.get(egressId, Date.now()) !== undefined) return
  looked.set(egressId, true, Date.now() + againMs)
  await context.env.RECORDING.getByName(egressId).lookAtFiles()
}
