// An app that uses the API through its types, as a reader of the README would write it. It is compiled apart from us, with
// an ordinary configuration and no types of Workers, and run against the Worker.
import { hc } from 'hono/client'
import type { Problem, Recording, RoomtapeApi } from 'roomtape'

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export function clientOf(url: string, token: string, fetch: Fetch) {
  return hc<RoomtapeApi>(url, { headers: { authorization: `Bearer ${token}` }, fetch })
}

/** Ids of the ready recordings of a room, and a link to the newest. */
export async function newestOf(
  api: ReturnType<typeof clientOf>,
  room: string,
): Promise<{ ids: string[]; watchUrl: string | null }> {
  const page = await api.v1.recordings.$get({ query: { room, status: 'ready' } })
  if (!page.ok) throw new Error((await page.json()).detail)
  const { recordings } = await page.json()
  const [newest] = recordings
  if (newest === undefined) return { ids: [], watchUrl: null }
  const link = await api.v1.recordings[':egressId'].links.$post({
    param: { egressId: newest.egressId },
    json: { expiresInSeconds: 600, maxPlays: 2 },
  })
  if (link.status !== 201) throw new Error((await link.json()).detail)
  const { watchUrl } = await link.json()
  return { ids: recordings.map((recording) => recording.egressId), watchUrl }
}

/** Ids of the recordings that have all of these fields, `metadata[key]` each. */
export async function withFields(
  api: ReturnType<typeof clientOf>,
  team: string,
  tags: string[],
): Promise<string[]> {
  const page = await api.v1.recordings.$get({
    query: { 'metadata[team]': team, 'metadata[tag]': tags, limit: 10 },
  })
  if (!page.ok) throw new Error((await page.json()).detail)
  return (await page.json()).recordings.map(({ egressId }) => egressId)
}

/** The recording, or the `code` of the refusal. */
export async function statusOf(
  api: ReturnType<typeof clientOf>,
  egressId: string,
): Promise<Recording['status'] | { code: string }> {
  const answer = await api.v1.recordings[':egressId'].$get({ param: { egressId } })
  if (answer.status === 200) {
    const recording: Recording = await answer.json()
    return recording.status
  }
  const problem: Problem = await answer.json()
  return { code: problem.code }
}
