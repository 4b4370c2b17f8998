// The timeline of a recording that had a hard life: every observation and every step in the order in which they came, with
// the witness that told it, in words that a person can read, and without anything that nobody may see.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { wholeLife } from '../egress-events.ts'
import { letTimeRun, passUntil, recordedNow, ring, stopTime } from './clock.ts'
import { askedOfLiveKit, breakStore, emptyFolder, setLiveKit } from './outside.ts'
import { asAdmin, timeline, webhooks } from './story.ts'
import { known, listed, post, sweepNow, uploadFinished } from './witness-stories.ts'

beforeEach(async () => {
  await emptyFolder('tmp/')
  stopTime()
})
afterEach(letTimeRun)

it('tells the whole story in order, and who told it', async () => {
  const story = recordedNow()
  await webhooks(...wholeLife(story).slice(0, 2))
  await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
  while ((await askedOfLiveKit()).length < 1) await ring(story.egressId)
  await setLiveKit({ fault: { status: 503, body: '{"code":"unavailable","msg":"away"}' } })
  while ((await askedOfLiveKit()).length < 1) await ring(story.egressId)
  await uploadFinished(story)
  await sweepNow()
  await breakStore({ method: 'PUT', isCopy: true, times: 1, answer: { status: 503 } })
  await passUntil(story.egressId, ({ status }) => status === 'ready')
  while (await ring(story.egressId)) continue
  await setLiveKit({})
  await post(`/v1/recordings/${story.egressId}/reconcile`, {})

  const items = await timeline(story.egressId)
  const told = items.map(({ source, type }) => `${source} ${type}`)
  expect(told.filter((line) => !line.startsWith('roomtape'))).toEqual([
    'webhook egress_started',
    'webhook egress_updated',
    'livekit list',
    'manifest manifest',
    'object object',
    'api reconcile.asked',
  ])
  const inOrder = [
    'webhook egress_started',
    'webhook egress_updated',
    'livekit list',
    'roomtape livekit.unavailable',
    'manifest manifest',
    'roomtape file.found',
    'roomtape file.copy-failed',
    'roomtape file.copied',
    'roomtape file.verified',
    'roomtape temp.removed',
    'api reconcile.asked',
    'roomtape livekit.unknown',
  ]
  expect(inOrder.map((line) => told.indexOf(line))).toEqual(
    inOrder.map((line) => told.indexOf(line)).toSorted((a, b) => a - b),
  )
  expect(inOrder.filter((line) => !told.includes(line))).toEqual([])
  const times = items.map(({ at }) => at)
  expect(times).toEqual(times.toSorted())
})

it('says what happened and why, in words', async () => {
  const story = recordedNow()
  await webhooks(...wholeLife(story).slice(0, 2))
  await ring(story.egressId)
  await uploadFinished(story)
  await sweepNow()
  await breakStore({ method: 'PUT', isCopy: true, times: 1, answer: { status: 503 } })
  await passUntil(story.egressId, ({ status }) => status === 'ready')
  const items = await timeline(story.egressId)
  const of = (type: string) => items.filter((item) => item.type === type).map((item) => item.detail)
  expect(of('egress_updated')).toMatchObject([{ status: 'EGRESS_ACTIVE', roomName: 'standup' }])
  expect(of('manifest')).toMatchObject([{ raw: { egress_id: story.egressId } }])
  expect(of('file.copy-failed')).toMatchObject([
    { file: 'video.mp4', message: expect.stringContaining('503') },
  ])
  expect(of('file.verified')).toContainEqual(
    expect.objectContaining({
      file: 'video.mp4',
      key: `recordings/${story.egressId}/video.mp4`,
      sizeBytes: 10,
    }),
  )
  expect(of('status.changed')).toMatchObject([
    { from: null, to: 'active' },
    { from: 'active', to: 'processing' },
    { from: 'processing', to: 'ready' },
  ])
})

it('is what the API answers, with times that everybody reads alike', async () => {
  const story = recordedNow()
  await webhooks(...wholeLife(story))
  const response = await asAdmin(`/v1/recordings/${story.egressId}/timeline`)
  const { items } = await response.json<{ items: Record<string, unknown>[] }>()
  expect(items.length).toBeGreaterThanOrEqual(4)
  for (const item of items) {
    expect(Object.keys(item).toSorted()).toEqual(['at', 'detail', 'source', 'summary', 'type'])
    expect(item['summary']).toMatch(/\w+ \w+/)
    expect(item['at']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  }
  expect((await asAdmin('/v1/recordings/EG_unknown00000/timeline')).status).toBe(404)
})
