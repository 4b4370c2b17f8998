// What the witnesses other than webhooks say in a story: LiveKit's list as Twirp writes it, manifests as LiveKit writes
// them beside its files, and the sweep that reads both. The bytes of a manifest matter: its times are JSON numbers that
// no double can hold.
import type { SweepReport } from '../../src/catalog/sweeps.ts'
import type { Recorded } from '../egress-events.ts'
import { manifestKey, manifestText } from '../egress-files.ts'
import { upload } from './outside.ts'
import { asAdmin } from './story.ts'

export { manifestKey, manifestText } from '../egress-files.ts'

/** EgressInfo as Twirp answers it: snake_case, defaults written. A terminal status comes with an uploaded file. */
export function listed(story: Recorded, status: string, more: Record<string, unknown> = {}) {
  const { egressId, roomName, filename, sizeBytes, startedAtMs, endedAtMs } = story
  const isEnded = !/STARTING|ACTIVE|ENDING/.test(status)
  const file = {
    filename,
    started_at: `${startedAtMs}000000`,
    ended_at: isEnded ? `${endedAtMs}000000` : '0',
    duration: isEnded ? `${endedAtMs - startedAtMs}000000` : '0',
    size: isEnded ? String(sizeBytes) : '0',
    location: isEnded ? `https://store.example/recordings/${filename}` : '',
  }
  return {
    egress_id: egressId,
    room_id: 'RM_test',
    room_name: roomName,
    status,
    started_at: `${startedAtMs}000000`,
    ended_at: isEnded ? `${endedAtMs}000000` : '0',
    updated_at: `${isEnded ? endedAtMs : startedAtMs}000000`,
    error: '',
    error_code: 0,
    details: '',
    retry_count: 0,
    backup_storage_used: false,
    room_composite: { room_name: roomName, layout: 'grid', file_outputs: [] },
    file_results: [file],
    segment_results: [],
    stream_results: [],
    image_results: [],
    ...more,
  }
}

/** What LiveKit knows, by id. */
export function known(...infos: { egress_id: string }[]): Record<string, unknown> {
  return Object.fromEntries(infos.map((info) => [info.egress_id, info]))
}

/** The file and its manifest, as a finished egress leaves them. */
export async function uploadFinished(story: Recorded, body = '0123456789'): Promise<void> {
  await upload(story.filename, body)
  await upload(manifestKey(story), manifestText(story), 'application/json')
}

/** One run of the sweep. */
export async function sweepNow(): Promise<SweepReport> {
  const response = await asAdmin('/v1/sweeps', { method: 'POST' })
  if (response.status !== 200) throw new Error(`sweep: ${response.status} ${await response.text()}`)
  return response.json<SweepReport>()
}

export async function post(path: string, body: unknown): Promise<Response> {
  return asAdmin(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
}
