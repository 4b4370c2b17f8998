// The object's own storage is not as it was left: a row is gone or cut, another version wrote it, the alarm was dropped.
// Exists because the state is a shortcut and the journal the truth: what can be read must lead to the same end, what was
// done in the store is found out by looking, and nothing is lost or moved twice.
import { evictDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FileWork, RecordingState } from '../../src/recording/state.ts'
import { egressEvent, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { put, tenBytes, watchBucket } from './bucket-safety.ts'
import {
  alarmAtMs,
  passMs,
  passUntil,
  passUntilQuiet,
  recordedNow,
  ring,
  stopTime,
} from './clock.ts'
import { breakStore, download, healStore, keysUnder, storeRequests } from './outside.ts'
import { inStorage, objectOf, read, timelineTypes, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)

type Damage = (storage: DurableObjectStorage) => void

/** Damages the object's storage and takes the object out of memory. */
async function plant(story: Recorded, damage: Damage): Promise<void> {
  await inStorage(story.egressId, damage)
  await evictDurableObject(objectOf(story.egressId))
}

function changeState(change: (state: RecordingState) => unknown): Damage {
  return (storage) => {
    const { json } = storage.sql.exec<{ json: string }>('SELECT json FROM state').one()
    const changed = change(JSON.parse(json) as RecordingState)
    storage.sql.exec('UPDATE state SET json = ?', JSON.stringify(changed))
  }
}

function changeFile(change: (file: FileWork) => unknown): Damage {
  return changeState((state) => ({ ...state, files: state.files.map(change) }))
}

const losses: [string, Damage][] = [
  ['its row is missing', (storage) => storage.sql.exec('DELETE FROM state')],
  [
    'its JSON is cut',
    (storage) => storage.sql.exec('UPDATE state SET json = substr(json, 1, 200)'),
  ],
  ['its JSON is empty', (storage) => storage.sql.exec("UPDATE state SET json = ''")],
  ['its JSON is null', (storage) => storage.sql.exec("UPDATE state SET json = 'null'")],
  ['another version wrote it', changeState((state) => ({ ...state, version: 2 }))],
  ['its evidence is gone', changeState((state) => ({ ...state, seen: null }))],
  ['its works are gone', changeState((state) => ({ ...state, files: undefined }))],
]

async function isReadyOnce(story: Recorded, bytes: string): Promise<void> {
  await passUntil(story.egressId, ({ status }) => status === 'ready')
  await passUntilQuiet(story.egressId)
  const final = `recordings/${story.egressId}/video.mp4`
  expect(await read(story.egressId)).toMatchObject({
    status: 'ready',
    attention: null,
    error: null,
    roomName: 'standup',
    sizeBytes: 10,
    files: [{ name: 'video.mp4', key: final, state: 'final' }],
  })
  expect(await keysUnder(`recordings/${story.egressId}/`)).toEqual([final])
  expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
  expect(await download(final)).toBe(bytes)
}

describe.each(losses)('the state is lost: %s', (_, damage) => {
  it('before the move: it is folded again from the journal, and the file is moved', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await plant(story, damage)
    await isReadyOnce(story, bytes)
    expect(await timelineTypes(story.egressId)).toEqual(
      expect.arrayContaining(['egress_started', 'egress_ended', 'file.verified']),
    )
  })

  it('between copy and delete: the copy is found, and only the delete is left to do', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore({ method: 'DELETE', answer: { status: 503 } })
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    await plant(story, damage)
    await healStore()
    await ring(story.egressId)
    await isReadyOnce(story, bytes)
    expect((await storeRequests()).filter(({ method }) => method === 'PUT')).toEqual([])
  })

  it('after the move: the copy with our mark is found, and nothing is copied or deleted', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await isReadyOnce(story, bytes)
    await plant(story, damage)
    await healStore()
    await webhooks(egressEvent('egress_updated', 'EGRESS_ENDING', story))
    await isReadyOnce(story, bytes)
    expect(await timelineTypes(story.egressId)).toContain('file.found-moved')
    expect((await storeRequests()).map(({ method }) => method)).not.toContain('PUT')
    expect((await storeRequests()).map(({ method }) => method)).not.toContain('DELETE')
  })
})

describe('the state is lost and the store is down', () => {
  it('after the move: the copy is found as soon as the store is back', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await isReadyOnce(story, bytes)
    await plant(story, (storage) => storage.sql.exec('DELETE FROM state'))
    passMs(1_000)
    await breakStore({ answer: { status: 503 } })
    await webhooks(egressEvent('egress_updated', 'EGRESS_ENDING', story))
    await ring(story.egressId)
    await ring(story.egressId)
    expect((await read(story.egressId)).status).toBe('processing')
    await healStore()
    await isReadyOnce(story, bytes)
  })
})

describe('the journal is damaged', () => {
  it.each([
    [
      'is cut',
      "UPDATE journal SET observation = substr(observation, 1, 40) WHERE type = 'egress_updated'",
    ],
    [
      'is of another shape',
      `UPDATE journal SET observation = '{"egress":7}' WHERE type = 'egress_updated'`,
    ],
    ['is null', "UPDATE journal SET observation = 'null' WHERE type = 'egress_updated'"],
  ])('an observation in it %s: the others are enough', async (_, sql) => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await plant(story, (storage) => {
      storage.sql.exec('DELETE FROM state')
      storage.sql.exec(sql)
    })
    await isReadyOnce(story, bytes)
    expect(await timelineTypes(story.egressId)).toContain('egress_updated')
  })

  it('W21: the row of a recording with two runs is lost after both were moved: both are found', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    await passUntilQuiet(story.egressId)
    const others = tenBytes()
    await put(story.filename, others)
    const second = { ...story, endedAtMs: story.endedAtMs + 60_000 }
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', second))
    await passUntilQuiet(story.egressId)
    const before = await read(story.egressId)
    expect(before.files.map(({ name }) => name)).toEqual(['video.mp4', 'video-2.mp4'])
    await plant(story, (storage) => storage.sql.exec('DELETE FROM state'))
    await webhooks(egressEvent('egress_updated', 'EGRESS_ENDING', story))
    await passUntilQuiet(story.egressId)
    const { files, attention, status } = await read(story.egressId)
    expect({ files, attention, status }).toEqual({
      files: before.files,
      attention: 'duplicate-run',
      status: 'ready',
    })
  })

  it('a line of the timeline cannot be read: the others are shown', async () => {
    const story = recordedNow()
    await webhooks(...wholeLife(story).slice(0, 2))
    await ring(story.egressId)
    await plant(story, (storage) =>
      storage.sql.exec("UPDATE journal SET detail = '{' WHERE type = 'egress_started'"),
    )
    expect(await timelineTypes(story.egressId)).toEqual(
      expect.arrayContaining(['egress_started', 'egress_updated']),
    )
  })
})

/** Found in the temp folder and not yet copied. */
async function found(): Promise<{ story: Recorded; bytes: string }> {
  const story = recordedNow()
  const bytes = tenBytes()
  await put(story.filename, bytes)
  await breakStore({ method: 'PUT', answer: { status: 503 } })
  await webhooks(...wholeLife(story))
  await ring(story.egressId)
  await healStore()
  return { story, bytes }
}

describe('the state tells of what is not so', () => {
  it('a copy that was asked for and is not there: it is made', async () => {
    const { story, bytes } = await found()
    await plant(
      story,
      changeFile((file) => ({ ...file, state: 'moving', copyAsked: true })),
    )
    await isReadyOnce(story, bytes)
    expect(await timelineTypes(story.egressId)).toContain('file.copy-absent')
  })

  it('a copy under way of which nobody knows what it is of: the file is looked for again', async () => {
    const { story, bytes } = await found()
    await plant(
      story,
      changeFile((file) => ({ ...file, state: 'moving', copyAsked: true, source: null })),
    )
    await isReadyOnce(story, bytes)
  })

  it('a source that is another object by now: it is looked at again', async () => {
    const { story, bytes } = await found()
    await plant(
      story,
      changeFile((file) => ({ ...file, source: { ...file.source, etag: 'f'.repeat(32) } })),
    )
    await isReadyOnce(story, bytes)
    expect(await timelineTypes(story.egressId)).toContain('file.changed')
  })

  it('final, and the temp file is still there: it is removed', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore({ method: 'DELETE', answer: { status: 503 } })
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    await healStore()
    await plant(story, () => {})
    expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([story.filename])
    await isReadyOnce(story, bytes)
  })

  it('published, and the catalogue has another row: the next change writes a later one', async () => {
    const { story, bytes } = await found()
    await plant(
      story,
      changeState((state) => ({ ...state, catalogue: { ...state.catalogue, revision: 0 } })),
    )
    await isReadyOnce(story, bytes)
  })
})

async function withoutAlarm(): Promise<{ story: Recorded; bytes: string }> {
  const story = recordedNow()
  const bytes = tenBytes()
  await put(story.filename, bytes)
  await webhooks(...wholeLife(story))
  await plant(story, (storage) => void storage.deleteAlarm())
  expect(await alarmAtMs(story.egressId)).toBeNull()
  return { story, bytes }
}

describe('the alarm is missing although there is work', () => {
  it('the next webhook brings it back', async () => {
    const { story, bytes } = await withoutAlarm()
    await webhooks(egressEvent('egress_updated', 'EGRESS_ENDING', story))
    await isReadyOnce(story, bytes)
  })

  it('a webhook that comes once more brings it back', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    const events = wholeLife(story)
    await webhooks(...events)
    await plant(story, (storage) => void storage.deleteAlarm())
    await webhooks(events.at(-1))
    await isReadyOnce(story, bytes)
  })

  it('a look at the recording brings it back', async () => {
    const { story, bytes } = await withoutAlarm()
    await objectOf(story.egressId).read()
    await isReadyOnce(story, bytes)
  })

  it('a look at an egress that nobody ever spoke of sets none, and stores nothing', async () => {
    const { egressId } = recordedNow()
    expect(await objectOf(egressId).read()).toBeNull()
    expect(await alarmAtMs(egressId)).toBeNull()
    const tables = await inStorage(egressId, (storage) =>
      storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name IN ('state', 'journal')")
        .toArray(),
    )
    expect(tables).toEqual([])
  })
})
