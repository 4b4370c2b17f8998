// The main job through the Worker's own door: webhooks in, the file moved, the catalogue filled, a link that plays.
import { describe, expect, it } from 'vitest'
import { wholeLife } from '../egress-events.ts'
import { download, storeRequests, upload } from './outside.ts'
import { asAdmin, recorded, request, timelineTypes, until, webhooks } from './story.ts'

describe('one recording, from webhook to playback', () => {
  it('is moved to its final folder, listed and played by a presigned URL', async () => {
    const story = recorded()
    await upload(story.filename, '0123456789')
    await webhooks(...wholeLife(story))
    const ready = await until(story.egressId, (recording) => recording.status === 'ready')
    const finalKey = `recordings/${story.egressId}/video.mp4`
    expect(ready).toMatchObject({
      roomName: 'standup',
      kind: 'room_composite',
      egressStatus: 'EGRESS_COMPLETE',
      durationMs: 60_000,
      sizeBytes: 10,
      error: null,
      attention: null,
      recoveredBy: null,
      files: [{ name: 'video.mp4', kind: 'video', key: finalKey, state: 'final' }],
    })
    expect(await download(finalKey)).toBe('0123456789')
    await expect.poll(() => download(story.filename)).toBeNull()

    const played = await asAdmin(`/v1/recordings/${story.egressId}/play`)
    expect(played.status).toBe(302)
    expect(played.headers.get('cache-control')).toBe('private, no-store')
    const part = await fetch(played.headers.get('location') ?? '', {
      headers: { range: 'bytes=2-4' },
    })
    expect([part.status, await part.text()]).toEqual([206, '234'])

    const made = await asAdmin(`/v1/recordings/${story.egressId}/links`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    expect(made.status).toBe(201)
    const { url } = await made.json<{ url: string }>()
    const link = await request(new URL(url).pathname)
    expect(link.status).toBe(302)
    expect(await timelineTypes(story.egressId)).toContain('file.verified')
    expect((await storeRequests()).map((seen) => seen.method)).toEqual(
      expect.arrayContaining(['HEAD', 'PUT', 'DELETE']),
    )
  })
})
