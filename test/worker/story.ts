// What happens in a story: LiveKit sends webhooks, time passes, someone looks. Every step goes through the Worker's door.
import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { AccessToken } from 'livekit-server-sdk'
import type { VideoGrant } from 'livekit-server-sdk'
import { expect } from 'vitest'
import { CatalogueRecordings } from '../../src/catalog/recordings.ts'
import type { Recording } from '../../src/recording/recording.ts'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { signed } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'

const host = 'https://roomtape.test'
const admin = { authorization: `Bearer ${env.ADMIN_TOKEN}` }

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(new Request(`${host}${path}`, { redirect: 'manual', ...init }))
}

export async function asAdmin(path: string, init: RequestInit = {}): Promise<Response> {
  return request(path, {
    ...init,
    headers: { ...admin, ...Object.fromEntries(new Headers(init.headers)) },
  })
}

/** Sends an event as LiveKit does. */
export async function webhook(event: unknown): Promise<Response> {
  const { body, headers } = await signed(event, env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET)
  return request('/webhooks/livekit', { method: 'POST', body, headers })
}

/** Sends events that must be taken. */
export async function webhooks(...events: unknown[]): Promise<void> {
  for (const event of events) {
    const response = await webhook(event)
    if (response.status !== 200)
      throw new Error(`webhook: ${response.status} ${await response.text()}`)
  }
}

/** A recording with an id of its own. */
export function recorded(more: Partial<Recorded> = {}): Recorded {
  const egressId = `EG_${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`
  const endedAtMs = Date.now() - 1_000
  return {
    egressId,
    roomName: 'standup',
    filename: `tmp/${egressId}/video.mp4`,
    sizeBytes: 10,
    startedAtMs: endedAtMs - 60_000,
    endedAtMs,
    ...more,
  }
}

/** The recording as the API shows it. */
export async function read(egressId: string): Promise<RecordingJson> {
  const response = await asAdmin(`/v1/recordings/${egressId}`)
  if (response.status !== 200) throw new Error(`read: ${response.status} ${await response.text()}`)
  return await response.json<RecordingJson>()
}

/** Waits until the recording, as the API shows it, is as it should be. */
export async function until(
  egressId: string,
  isAsItShouldBe: (recording: RecordingJson) => boolean,
  withinMs = 40_000,
): Promise<RecordingJson> {
  const deadlineMs = Date.now() + withinMs
  for (;;) {
    const recording = await read(egressId).catch(() => null)
    if (recording !== null && isAsItShouldBe(recording)) return recording
    if (Date.now() > deadlineMs) throw new Error(`still ${JSON.stringify(recording)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Types of the timeline's items, oldest first. */
export async function timelineTypes(egressId: string): Promise<string[]> {
  const response = await asAdmin(`/v1/recordings/${egressId}/timeline`)
  const { items } = await response.json<{ items: { type: string }[] }>()
  return items.map((item) => item.type)
}

export function objectOf(egressId: string) {
  return env.RECORDING.getByName(egressId)
}

/** Runs the object's alarm now, as if its time had come. */
export async function wake(egressId: string): Promise<boolean> {
  return runDurableObjectAlarm(objectOf(egressId))
}

/** Does something to the storage of the recording's object. */
export async function inStorage<T>(
  egressId: string,
  act: (storage: DurableObjectStorage) => T,
): Promise<T> {
  return runInDurableObject(objectOf(egressId), (_, state) => act(state.storage))
}

/** A LiveKit access token, as the app's own server mints it. */
export async function liveKitToken(grants: VideoGrant, ttl = '5m'): Promise<string> {
  const identity = 'somebody'
  const token = new AccessToken(env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET, { ttl, identity })
  token.addGrant(grants)
  return token.toJwt()
}

/** A request with this token in the Authorization header. */
export async function asBearer(
  token: string,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('authorization', `Bearer ${token}`)
  return request(path, { ...init, headers })
}

export interface TimelineItem {
  at: string
  source: string
  type: string
  detail: Record<string, unknown>
}

export async function timeline(egressId: string): Promise<TimelineItem[]> {
  const response = await asAdmin(`/v1/recordings/${egressId}/timeline`)
  if (response.status !== 200) throw new Error(`timeline: ${response.status}`)
  return (await response.json<{ items: TimelineItem[] }>()).items
}

/** Ids of the recordings of one page, in its order. */
export async function listed(query = ''): Promise<string[]> {
  const response = await asAdmin(`/v1/recordings${query}`)
  if (response.status !== 200) throw new Error(`list: ${response.status} ${await response.text()}`)
  const { recordings } = await response.json<{ recordings: RecordingJson[] }>()
  return recordings.map((recording) => recording.egressId)
}

/** The catalogue's own row; `null` when it has none. */
export async function rowOf(egressId: string): Promise<Recording | null> {
  const row = await env.DB.prepare('SELECT recording FROM recordings WHERE egress_id = ?1')
    .bind(egressId)
    .first<{ recording: string }>()
  return row === null ? null : (JSON.parse(row.recording) as Recording)
}

/** A ready recording with one file. */
export function readyRecording(more: Partial<Recording> = {}): Recording {
  const { egressId, roomName, startedAtMs, endedAtMs } = recorded()
  const id = more.egressId ?? egressId
  const key = `recordings/${id}/video.mp4`
  return {
    egressId: id,
    roomId: 'RM_test',
    roomName,
    kind: 'room_composite',
    status: 'ready',
    egressStatus: 'EGRESS_COMPLETE',
    title: null,
    metadata: {},
    startedAtMs,
    endedAtMs,
    durationMs: 60_000,
    sizeBytes: 10,
    files: [
      {
        name: 'video.mp4',
        kind: 'video',
        contentType: 'video/mp4',
        sizeBytes: 10,
        durationMs: 60_000,
        key,
        state: 'final',
      },
    ],
    progress: null,
    error: null,
    partial: false,
    limitReached: false,
    backup: false,
    egressEndedAtMs: null,
    recoveredBy: null,
    attention: null,
    expiresAtMs: null,
    legalHold: false,
    removeAtMs: null,
    createdAtMs: startedAtMs,
    listed: true,
    ...more,
  }
}

/** Puts a recording into the catalogue, as an object does. */
export async function catalogued(more: Partial<Recording> = {}): Promise<Recording> {
  const recording = readyRecording(more)
  await new CatalogueRecordings(env.DB).put(recording, Date.now(), [])
  return recording
}

/** Recordings in any storage, to be compared with what is stored later. */
export async function stored(): Promise<{ objects: string[]; rows: number }> {
  const objects = await listDurableObjectIds(env.RECORDING)
  const rows = await env.DB.prepare('SELECT count(*) FROM recordings').first<number>('count(*)')
  return { objects: objects.map(String), rows: rows ?? 0 }
}

/** The `code` of a problem. */
export async function codeOf(response: Response): Promise<string> {
  return (await response.json<{ code: string }>()).code
}

/** Waits until what is read is as expected. */
export function eventually<T>(read_: () => Promise<T>) {
  return expect.poll(read_, { interval: 50, timeout: 40_000 })
}
