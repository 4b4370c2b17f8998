// Finds the recording that a request names, within what the caller may see. The catalogue is asked first, and the egress's
// object when the catalogue does not have it yet or is out of order: a webhook's recording can be read at once.
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { readRecording } from '../catalog/recordings.ts'
import type { CatalogueRow } from '../catalog/recordings.ts'
import { logError, messageOf } from '../log.ts'
import { problem } from '../problem.ts'
import { isEgressId } from '../recording/keys.ts'
import { maySee } from './access.ts'
import { catalogueOf } from './catalogue.ts'
import type { AppEnv } from './context.ts'
import { etagHeader, etagOf } from './etag.ts'
import { RecordingSchema, toJson } from './recording-json.ts'
import type { RecordingJson } from './recording-json.ts'

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

/**
 * The recording as its own object has it at this moment, which the catalogue may not have yet: for whoever has just changed
 * it, and for whoever wants to. What only the catalogue has is read from there.
 * @throws a 404 problem
 */
export async function findCurrent(
  context: Context<AppEnv>,
  egressId: string,
): Promise<CatalogueRow> {
  const view = isEgressId(egressId) ? await context.env.RECORDING.getByName(egressId).view() : null
  if (view === null) return findRecording(context, egressId)
  if (view.recording.listed && maySee(context.get('access'), view.recording)) return view
  throw problem(404, 'recording-not-found', `There is no recording ${egressId}.`)
}

/** What {@link currentJson} answers, for a route's description. */
export const currentAnswer = {
  headers: z.object(etagHeader),
  content: { 'application/json': { schema: RecordingSchema } },
}

/** The same as the API writes it, with its ETag on the answer. */
export async function currentJson(
  context: Context<AppEnv>,
  egressId: string,
): Promise<RecordingJson> {
  const { recording, updatedAtMs } = await findCurrent(context, egressId)
  context.header('etag', await etagOf(recording))
  return toJson(recording, updatedAtMs)
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
