// File names as people and rooms make them, from the webhook to the bytes that a viewer gets; and names that are made to
// lead out of the folder. Rooms are named by strangers: no name may ever reach another object, or the bucket itself.
import { beforeEach, describe, expect, it } from 'vitest'
import { egressEvent, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { put, tenBytes, watchBucket } from './bucket-safety.ts'
import { passUntil, passUntilQuiet, recordedNow, stopTime } from './clock.ts'
import { download, keysUnder, storeRequests } from './outside.ts'
import { asAdmin, request, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)

/** The story of a file whose path is made from the egress id. */
function storyOf(path: (egressId: string) => string): Recorded {
  const story = recordedNow()
  return { ...story, filename: path(story.egressId) }
}

async function becomesReady(story: Recorded): Promise<string> {
  const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
  await passUntilQuiet(story.egressId)
  expect(ready.attention).toBeNull()
  return ready.files[0]?.key ?? ''
}

/** What a viewer gets who follows the redirect. */
async function played(story: Recorded, query = ''): Promise<string> {
  const redirect = await asAdmin(`/v1/recordings/${story.egressId}/play${query}`)
  expect(redirect.status).toBe(302)
  const answer = await fetch(redirect.headers.get('location') ?? '')
  expect(answer.status).toBe(200)
  return answer.text()
}

describe('odd names', () => {
  it.each([
    ['spaces', 'two  words and a blank at the end .mp4'],
    ['a plus', 'a+b.mp4'],
    ['a percent sign', '100%.mp4'],
    ['what looks encoded', 'a%20b%2Fc%252e.mp4'],
    ['encoded dots', '%2e%2e%2fvideo.mp4'],
    ['a hash', 'take #2.mp4'],
    ['a question mark', 'what?x=1&y=2.mp4'],
    ['quotes', `"it's" \`fine\`.mp4`],
    ['brackets and signs', '(a)[b]{c}<d>*!$@:;,=&|^~.mp4'],
    ['a backslash', 'a\\..\\b.mp4'],
    ['Chinese', '会议录像.mp4'],
    ['emoji', '🎬 standup 👩‍👩‍👧.mp4'],
    ['Arabic and an umlaut', 'تسجيل – Größe.mp4'],
    ['two dots inside', 'a..b...c..mp4'],
    ['a name that is all dots', '....mp4'],
    ['no extension', 'video'],
    ['a leading dot', '.mp4'],
    ['a name as long as a key may be', `${'n'.repeat(960)}.mp4`],
    ['a long name of many bytes', `${'录'.repeat(310)}.mp4`],
  ])('S11: %s: moved, and played with the right bytes', async (_, name) => {
    const story = storyOf((egressId) => `tmp/${egressId}/${name}`)
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    const key = await becomesReady(story)
    expect(key).toMatch(new RegExp(`^recordings/${story.egressId}/[^/]+$`, 's'))
    expect(await keysUnder(`recordings/${story.egressId}/`)).toEqual([key])
    expect(await download(story.filename)).toBeNull()
    expect(await played(story)).toBe(bytes)
    expect(await played(story, '?download=1')).toBe(bytes)
    const file = encodeURIComponent(key.slice(key.lastIndexOf('/') + 1))
    expect(await played(story, `?file=${file}`)).toBe(bytes)
  })

  it.each<[string, (egressId: string) => string, (egressId: string) => string]>([
    ['a leading slash', (id) => `/tmp/${id}/video.mp4`, (id) => `/tmp/${id}/video.mp4`],
    [
      'a leading slash that the store has not',
      (id) => `/tmp/${id}/v.mp4`,
      (id) => `tmp/${id}/v.mp4`,
    ],
    ['doubled slashes', (id) => `tmp//${id}//video.mp4`, (id) => `tmp/${id}/video.mp4`],
    ['`..` inside the folder', (id) => `tmp/a/../${id}/video.mp4`, (id) => `tmp/${id}/video.mp4`],
    ['`.` inside', (id) => `tmp/./${id}/./video.mp4`, (id) => `tmp/${id}/video.mp4`],
    [
      'no folder, where the server adds it',
      (id) => `${id}/video.mp4`,
      (id) => `tmp/${id}/video.mp4`,
    ],
    [
      'folders of odd names',
      (id) => `tmp/a b/#1?/${id}/100%.mp4`,
      (id) => `tmp/a b/#1?/${id}/100%.mp4`,
    ],
  ])('S11: a path with %s: found where LiveKit put it', async (_, path, key) => {
    const story = storyOf(path)
    const bytes = tenBytes()
    await put(key(story.egressId), bytes)
    await webhooks(...wholeLife(story))
    await becomesReady(story)
    expect(await played(story)).toBe(bytes)
    expect(await download(key(story.egressId))).toBeNull()
  })

  it('S11: a link plays a name full of signs, as a whole and in parts', async () => {
    const story = storyOf((egressId) => `tmp/${egressId}/100% #1? "a+b" 录像.mp4`)
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await becomesReady(story)
    const made = await asAdmin(`/v1/recordings/${story.egressId}/links`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    const { url } = await made.json<{ url: string }>()
    const redirect = await request(new URL(url).pathname)
    const part = await fetch(redirect.headers.get('location') ?? '', {
      headers: { range: 'bytes=2-4' },
    })
    expect([part.status, await part.text()]).toEqual([206, bytes.slice(2, 5)])
  })

  it('S11: two files of one name in two folders both become files of the recording', async () => {
    const story = recordedNow()
    const [first, second] = [tenBytes(), tenBytes()]
    const paths = [`tmp/${story.egressId}/a/video.mp4`, `tmp/${story.egressId}/b/video.mp4`]
    await put(paths[0] ?? '', first)
    await put(paths[1] ?? '', second)
    const [, , , ended] = wholeLife(story)
    const fileResults = paths.map((filename) => ({
      filename,
      size: '10',
      location: `https://store.example/${filename}`,
    }))
    const { egressInfo } = ended as { egressInfo: object }
    await webhooks({ ...ended, egressInfo: { ...egressInfo, fileResults } })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready.files.map(({ name }) => name)).toEqual(['video.mp4', 'video-2.mp4'])
    expect(await played(story, '?file=video.mp4')).toBe(first)
    expect(await played(story, '?file=video-2.mp4')).toBe(second)
  })
})

describe('names that lead out of the folder', () => {
  const victim = 'recordings/EG_victim/video.mp4'
  const secret = 'private/video.mp4'

  it.each([
    ['climbs out of the bucket', '../../recordings/EG_victim/video.mp4'],
    ['climbs from the temp folder into the final one', 'tmp/../recordings/EG_victim/video.mp4'],
    ['climbs from the temp folder into somebody else’s', `tmp/../${secret}`],
    ['climbs into somebody else’s by a longer way', `tmp/a/../../${secret}`],
    ['climbs out of the bucket and into somebody else’s', `../${secret}`],
    ['climbs with a leading slash', '/tmp/../../recordings/EG_victim/video.mp4'],
    ['names a recording of another egress', victim],
    ['is the parent of the temp folder', 'tmp/..'],
    ['is the temp folder', 'tmp/'],
    ['is a dot', '.'],
    ['is two dots', '..'],
    ['is a slash', '/'],
    ['climbs in the middle of a name', 'tmp/x/../../../EG_victim/video.mp4'],
  ])('S13: a path that %s: refused, and no other object is touched', async (_, filename) => {
    const theirs = tenBytes()
    await put(victim, theirs)
    await put(secret, theirs)
    const story = recordedNow({ filename })
    await webhooks(...wholeLife(story))
    const recording = await passUntil(story.egressId, ({ status }) => status !== 'processing')
    expect(recording.status).toBe('failed')
    expect(['unsafe-key', 'outside-folders', 'missing', 'no-file']).toContain(recording.error?.code)
    expect(recording.files.every(({ state }) => state !== 'final')).toBe(true)
    expect((await asAdmin(`/v1/recordings/${story.egressId}/play`)).status).toBe(409)
    for (const { method, key, query, copySource } of await storeRequests()) {
      // Whether the bucket is there at all is asked with a list.
      if (method === 'GET' && query.includes('list-type=2')) continue
      expect(key, `${method} of the bucket itself`).not.toBe('')
      expect([method, copySource]).toEqual([expect.stringMatching(/^(HEAD|GET)$/), null])
      expect(key).toMatch(/^\/?tmp(\/|$)|^recordings\/EG_(?!victim)/)
    }
    expect(await download(victim)).toBe(theirs)
  })

  it('S13: a room named to climb out cannot take the recording of another egress', async () => {
    const theirs = recordedNow()
    const bytes = tenBytes()
    await put(theirs.filename, bytes)
    await webhooks(...wholeLife(theirs))
    const taken = await becomesReady(theirs)
    const story = recordedNow({ roomName: `../../${taken}`, filename: `tmp/../../${taken}` })
    await webhooks(...wholeLife(story))
    const refused = await passUntil(story.egressId, ({ status }) => status === 'failed')
    expect(refused).toMatchObject({
      attention: 'unsafe-key',
      error: { code: 'unsafe-key' },
    })
    expect(await played(theirs)).toBe(bytes)
  })

  it('S13: a manifest beside a climbing path is not looked for outside either', async () => {
    const story = recordedNow({ filename: 'tmp/../../secret/video.mp4' })
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
        manifestLocation: 'https://store.example/secret/manifest.json',
      }),
    )
    await passUntil(story.egressId, ({ status }) => status === 'failed')
    expect(await storeRequests()).toEqual([])
  })
})

describe('two spellings of one name', () => {
  const composed = 'caf\u00e9 K\u00f6ln.mp4'
  const decomposed = composed.normalize('NFD')

  it.each([
    ['composed in both', composed, composed],
    ['decomposed in both, where a store keeps spellings apart', decomposed, decomposed],
    ['decomposed in the event, composed in a store that normalises', decomposed, composed],
  ])('S13: %s: found, moved and played', async (_, said, stored) => {
    const story = storyOf((egressId) => `tmp/${egressId}/${said}`)
    const bytes = tenBytes()
    await put(`tmp/${story.egressId}/${stored}`, bytes)
    await webhooks(...wholeLife(story))
    const key = await becomesReady(story)
    expect(key).toBe(`recordings/${story.egressId}/${composed}`)
    expect(await played(story)).toBe(bytes)
    expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
  })
})
