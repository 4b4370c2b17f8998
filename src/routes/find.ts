// Finds the recording that a request names, within what the caller may see. The catalogue is asked first, and the egress's
// object when the catalogue does not have it yet or is out of order: a webhook's recording can be read at once.
import type { Context } from 'hono'
import { readRecording } from '../catalog/recordings.ts'
import type { CatalogueRow } from '../catalog/recordings.ts'
import { logError, messageOf } from '../log.ts'
import { problem } from '../problem.ts'
import { isEgressId } from '../recording/keys.ts'
import { maySee } from './access.ts'
import { catalogueOf } from './catalogue.ts'
import type { AppEnv } from './context.ts'

/** @throws a 404 problem, also for a recording that the caller may not know of */
export async function findRecording(
  context: Context<AppEnv>,
  egressId: string,
): Promise<CatalogueRow> {
  const row = await lookForRecording(context, egressId)
  if (row === null) {
    throw problem(404, 'recording-not-found', `There is no recording ${egressId}.`)
  }
  return row
}

/** The same for who answers otherwise: `null` when there is none, or none that the caller may know of. */
export async function lookForRecording(
  context: Context<AppEnv>,
  egressId: string,
): Promise<CatalogueRow | null> {
  const row = isEgressId(egressId) ? await read(context, egressId) : null
  return row?.recording.listed === true && maySee(context.get('access'), row.recording) ? row : null
}

async function read(context: Context<AppEnv>, egressId: string): Promise<CatalogueRow | null> {
  const catalogue = catalogueOf(context)
  try {
    const row = await readRecording(catalogue, egressId)
    if (row !== null) return row
  } catch (error) {
    logError('catalogue.unavailable', { egressId, error: messageOf(error) })
  }
  const recording = await context.env.RECORDING.getByName(egressId).read()
  return recording === null ? null : { recording, updatedAtMs: recording.createdAtMs }
}
