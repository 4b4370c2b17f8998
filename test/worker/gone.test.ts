// A final object that somebody deleted by hand: no event tells of it, so a player's failed load, a person or the sweep does.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { wholeLife } from '../egress-events.ts'
import { letTimeRun, passMs, passUntil, passUntilQuiet, recordedNow, stopTime } from './clock.ts'
import { linkTo } from './folder-stories.ts'
import { breakStore, download, headersOf, removeObject, storeRequests, upload } from './outside.ts'
import { asAdmin, read, request, timelineTypes, webhooks } from './story.ts'

const file = '0123456789'

beforeEach(stopTime)
afterEach(letTimeRun)

/** A ready recording and a link to it. */
async function ready(): Promise<{ egressId: string; key: string; play: string; watch: string }> {
  const story = recordedNow()
  await upload(story.filename, file)
  await webhooks(...wholeLife(story))
  await passUntil(story.egressId, ({ status }) => status === 'ready')
  const play = await linkTo(story, { expiresInSeconds: 86_400 })
  const key = `recordings/${story.egressId}/video.mp4`
  return { egressId: story.egressId, key, play, watch: play.replace('/play/', '/watch/') }
}

async function tellFailure(watch: string): Promise<unknown> {
  const answer = await request(`${watch}/failures`, { method: 'POST' })
  expect(answer.status).toBe(200)
  return answer.json()
}

describe('P2: the file of a ready recording is deleted by hand', () => {
  it('the redirect asks no store; the player tells, the object looks, and the link answers a clear error', async () => {
    const { egressId, key, play, watch } = await ready()
    await removeObject(key)
    const before = (await storeRequests()).length
    expect((await request(play)).status).toBe(302)
    expect((await storeRequests()).length).toBe(before)

    expect(await tellFailure(watch)).toMatchObject({ view: 'failed' })
    expect(await read(egressId)).toMatchObject({
      attention: 'missing',
      error: { code: 'missing' },
      files: [{ name: 'video.mp4', state: 'missing' }],
    })
    const refused = await request(play)
    expect([refused.status, refused.headers.get('location')]).toEqual([409, null])
    expect(await refused.json()).toMatchObject({ code: 'not-playable', reason: 'missing' })
    const page = await request(watch)
    expect(await page.text()).toContain('not there any more')
    expect(await timelineTypes(egressId)).toContain('file.gone')
  })

  it('however often players complain, the store is asked once in a while', async () => {
    const { watch } = await ready()
    const before = (await storeRequests()).length
    for (let times = 0; times < 5; times += 1) {
      expect(await tellFailure(watch)).toMatchObject({ view: 'play' })
    }
    expect((await storeRequests()).length).toBe(before + 1)
    passMs(61_000)
    await tellFailure(watch)
    expect((await storeRequests()).length).toBe(before + 2)
  })

  it('it comes back when the object is back: looked for by itself, and by whoever asks', async () => {
    const { egressId, key, play, watch } = await ready()
    await removeObject(key)
    await tellFailure(watch)
    await upload(key, file)
    const back = await passUntil(egressId, ({ status }) => status === 'ready')
    expect(back).toMatchObject({ attention: null, files: [{ state: 'final' }] })
    expect((await request(play)).status).toBe(302)
    expect(await timelineTypes(egressId)).toContain('file.back')
  })

  it('reconcile finds it, and finds it again', async () => {
    const { egressId, key } = await ready()
    const reconcile = async () =>
      (await asAdmin(`/v1/recordings/${egressId}/reconcile`, { method: 'POST' })).json()
    await removeObject(key)
    expect(await reconcile()).toMatchObject({ attention: 'missing' })
    await upload(key, file)
    expect(await reconcile()).toMatchObject({ attention: null, status: 'ready' })
  })

  it('the sweep finds it without anybody’s complaint, and its return', async () => {
    const [lost, kept] = [await ready(), await ready()]
    const sweep = async () =>
      (await asAdmin('/v1/sweeps', { method: 'POST' })).json<{
        missing: number
        errors: string[]
      }>()
    expect(await sweep()).toMatchObject({ missing: 0, errors: [] })
    await removeObject(lost.key)
    expect(await sweep()).toMatchObject({ missing: 1, errors: [] })
    expect(await read(lost.egressId)).toMatchObject({ attention: 'missing' })
    expect(await read(kept.egressId)).toMatchObject({ attention: null, status: 'ready' })
    passMs(61_000)
    await upload(lost.key, file)
    expect(await sweep()).toMatchObject({ missing: 1 })
    expect(await read(lost.egressId)).toMatchObject({ attention: null, status: 'ready' })
  })

  it('it is moved once more when the same bytes are put back into the temp folder', async () => {
    const { egressId, key } = await ready()
    await passUntilQuiet(egressId)
    const movedAt = (await headersOf(key)).get('last-modified')
    await removeObject(key)
    const sweep = async () => asAdmin('/v1/sweeps', { method: 'POST' })
    await sweep()
    expect(await read(egressId)).toMatchObject({ attention: 'missing' })
    const temp = `tmp/${egressId}/video.mp4`
    // Stores tell whole seconds; the store's clock is the real one.
    await expect
      .poll(async () => {
        await upload(temp, file)
        return (await headersOf(temp)).get('last-modified')
      })
      .not.toBe(movedAt)
    await sweep()
    expect(await passUntil(egressId, ({ status }) => status === 'ready')).toMatchObject({
      attention: null,
      files: [{ name: 'video.mp4', state: 'final' }],
    })
    await passUntilQuiet(egressId)
    expect([await download(key), await download(temp)]).toEqual([file, null])
  })

  it('a complaint needs a link that is right', async () => {
    const { watch } = await ready()
    const answer = await request(`${watch.slice(0, -3)}abc/failures`, { method: 'POST' })
    expect(await answer.json()).toMatchObject({ view: 'refused' })
  })
})

describe('P2: the bucket is out of order when a player complains', () => {
  it('nothing is concluded from that', async () => {
    const { egressId, watch, key } = await ready()
    await breakStore({ key, answer: { status: 503 } })
    await tellFailure(watch)
    expect(await read(egressId)).toMatchObject({ status: 'ready', attention: null })
  })
})
