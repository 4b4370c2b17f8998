// Names that are used again: every egress of a room writes to one path. Exists for the sweep that gives today's file to
// yesterday's recording, for egresses that failed and look for a file that the next one wrote, and for deletions that would
// take along what is not theirs.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { egressEvent, uploaded, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { playlistText, segmentNames } from '../egress-files.ts'
import { letPass, letTimeRun, passUntil, recordedNow, stopTime } from './clock.ts'
import { download, emptyFolder, healLiveKit, keysUnder, setLiveKit, upload } from './outside.ts'
import { read, webhooks } from './story.ts'
import { known, listed, manifestText, post, sweepNow } from './witness-stories.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const filename = 'tmp/standup.mp4'

beforeEach(async () => {
  await emptyFolder('tmp/')
  await healLiveKit()
  stopTime()
})
afterEach(letTimeRun)

async function seen({ egressId }: Recorded): Promise<unknown> {
  const { status, attention, files } = await read(egressId)
  return [status, attention, files.map(({ name, state }) => `${name} ${state}`)]
}

async function discard({ egressId }: Recorded): Promise<void> {
  const response = await post(`/v1/recordings/${egressId}/stop`, { discard: true })
  expect(response.ok).toBe(true)
}

/** A recording that is ready, moved, and over. */
async function yesterday(): Promise<Recorded> {
  const first = recordedNow({ filename, sizeBytes: 12 })
  await upload(filename, 'of yesterday')
  await webhooks(...wholeLife(first))
  await passUntil(first.egressId, ({ status }) => status === 'ready')
  await letPass(first.egressId, minuteMs)
  return first
}

/** The next egress of that name, which began and was heard to go on. */
async function today(first: Recorded): Promise<Recorded> {
  const startedAtMs = first.endedAtMs + 100
  const second = recordedNow({ filename, sizeBytes: 8, startedAtMs })
  await webhooks(...wholeLife(second).slice(0, 2))
  await letPass(second.egressId, minuteMs)
  return second
}

/** An egress that never began to record, or that failed at once. */
async function failedTry(status: string): Promise<Recorded> {
  const first = recordedNow({ filename })
  const { location: _, size: __, ...file } = uploaded(first)
  await webhooks(
    egressEvent('egress_started', 'EGRESS_STARTING', first),
    egressEvent('egress_ended', status, first, { error: 'no signal', fileResults: [file] }),
  )
  return first
}

describe('the file of the next egress of the same name is that of the next recording', () => {
  it('when its end is lost, and the sweep finds it', async () => {
    const first = await yesterday()
    const second = await today(first)
    await upload(filename, 'of today')
    await sweepNow()
    await letPass(first.egressId, minuteMs)
    await setLiveKit({ egresses: known(listed(second, 'EGRESS_COMPLETE')) })
    await letPass(second.egressId, 2 * hourMs)
    expect(await seen(first)).toEqual(['ready', null, ['standup.mp4 final']])
    expect(await seen(second)).toEqual(['ready', null, ['standup.mp4 final']])
    expect(await download(`recordings/${second.egressId}/standup.mp4`)).toBe('of today')
  })

  it('when its manifest tells of the end, and the earlier object is the faster one', async () => {
    const first = await yesterday()
    const second = await today(first)
    await upload(filename, 'of today')
    await upload(`tmp/${second.egressId}.json`, manifestText(second), 'application/json')
    await sweepNow()
    await letPass(first.egressId, minuteMs)
    await letPass(second.egressId, 2 * hourMs)
    expect(await seen(first)).toEqual(['ready', null, ['standup.mp4 final']])
    expect(await read(second.egressId)).toMatchObject({ status: 'ready', attention: null })
  })

  it('when the earlier recording is deleted', async () => {
    const first = await yesterday()
    await discard(first)
    await letPass(first.egressId, hourMs)
    const second = await today(first)
    await upload(filename, 'of today')
    await sweepNow()
    await letPass(first.egressId, hourMs)
    await setLiveKit({ egresses: known(listed(second, 'EGRESS_COMPLETE')) })
    await letPass(second.egressId, 2 * hourMs)
    expect((await read(first.egressId)).status).toBe('deleted')
    expect(await seen(second)).toEqual(['ready', null, ['standup.mp4 final']])
    expect(await download(`recordings/${second.egressId}/standup.mp4`)).toBe('of today')
  })

  it('when both are streams', async () => {
    const folder = 'tmp/standup/'
    const names = segmentNames(2)
    const put = async (day: string): Promise<void> => {
      for (const name of names) await upload(`${folder}${name}`, `${name} of ${day}`, 'video/mp2t')
      await upload(`${folder}index.m3u8`, `${playlistText(names)}# ${day}\n`, 'audio/mpegurl')
    }
    const said = { playlistName: `${folder}index.m3u8` }
    const located = { ...said, playlistLocation: `https://store.example/${folder}index.m3u8` }
    const ended = { fileResults: [], segmentResults: [located] }
    const first = recordedNow()
    await put('yesterday')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', first, ended))
    await passUntil(first.egressId, ({ status }) => status === 'ready')
    await letPass(first.egressId, minuteMs)
    const second = recordedNow({ startedAtMs: first.startedAtMs + minuteMs })
    const running = { fileResults: [], segmentResults: [said] }
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', second, running))
    await letPass(second.egressId, minuteMs)
    await put('today')
    await sweepNow()
    await letPass(first.egressId, minuteMs)
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', second, ended))
    await letPass(second.egressId, 2 * hourMs)
    expect(await seen(first)).toEqual(['ready', null, ['index.m3u8 final']])
    expect(await seen(second)).toEqual(['ready', null, ['index.m3u8 final']])
    expect(await keysUnder('tmp/')).toEqual([])
  })
})

describe('an egress that left no file', () => {
  it.each([
    ['EGRESS_ABORTED', 'aborted'],
    ['EGRESS_FAILED', 'failed'],
  ])('%s does not take the file that the next one writes', async (word, status) => {
    const first = await failedTry(word)
    await letPass(first.egressId, 2 * minuteMs)
    const second = await today(first)
    await upload(filename, 'of today')
    await letPass(first.egressId, 15 * minuteMs)
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', second))
    await letPass(second.egressId, 2 * hourMs)
    expect(await seen(first)).toMatchObject([status, null, []])
    expect(await seen(second)).toEqual(['ready', null, ['standup.mp4 final']])
  })

  it('does not take it along when somebody deletes it', async () => {
    const first = await failedTry('EGRESS_ABORTED')
    const second = await today(first)
    await letPass(first.egressId, 15 * minuteMs)
    await upload(filename, 'of today')
    await discard(first)
    await letPass(first.egressId, hourMs)
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', second))
    await letPass(second.egressId, 2 * hourMs)
    expect(await seen(second)).toEqual(['ready', null, ['standup.mp4 final']])
  })
})
