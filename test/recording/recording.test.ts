// A recording as callers see it. Exists for clocks that ran backwards, files that are not there, and secrets that must not
// show.
import { describe, expect, it } from 'vitest'
import { observe } from '../../src/recording/lifecycle.ts'
import {
  contentTypeOf,
  mainFile,
  toRecording,
  whyNotPlayable,
} from '../../src/recording/recording.ts'
import type { Recording, RecordingFile } from '../../src/recording/recording.ts'
import { newState } from '../../src/recording/state.ts'
import type { RecordingState } from '../../src/recording/state.ts'
import { statuses } from '../../src/recording/status.ts'
import { life, output, startMs, uploadedFile, webhook, wish } from './evidence.ts'
import { ended, endMs, running, sourceOf, withFile } from './works.ts'

function shown(state: RecordingState): Recording {
  const recording = toRecording(state)
  if (recording === null) throw new Error('nobody spoke of it')
  return recording
}

const final = { key: 'recordings/EG_test/video.mp4', etag: 'e1', sizeBytes: 1000 }
const ready = withFile(ended(), { state: 'final', source: sourceOf(), final })

describe('a recording', () => {
  it('is none while nobody spoke of it', () => {
    expect(toRecording(newState('EG_test'))).toBeNull()
  })

  it('names the file that LiveKit plans while it runs, and what it brought in the end', () => {
    expect(shown(running('EGRESS_ACTIVE')).files).toMatchObject([
      { name: 'video.mp4', state: 'expected' },
    ])
    const told = shown(life.reduce(observe, newState('EG_test')))
    expect(told).toMatchObject({
      status: 'processing',
      durationMs: 60_000,
      startedAtMs: startMs,
      endedAtMs: startMs + 61_000,
      progress: { doneBytes: 0, totalBytes: 1000 },
      recoveredBy: null,
    })
    expect(shown(ready)).toMatchObject({
      status: 'ready',
      sizeBytes: 1000,
      progress: null,
      files: [{ key: final.key, contentType: 'video/mp4', state: 'final' }],
    })
  })

  it('has the title, the metadata and the dates that people gave it', () => {
    const edit = wish('a', 5, {
      title: 'Retro',
      metadata: { team: 'x' },
      expiresAtMs: endMs,
      legalHold: true,
    })
    expect(shown(observe(running('EGRESS_ACTIVE'), edit))).toMatchObject({
      title: 'Retro',
      metadata: { team: 'x' },
      expiresAtMs: endMs,
      legalHold: true,
      status: 'active',
    })
    const cleared = wish('b', 6, { title: null })
    expect(shown([edit, cleared].reduce(observe, running('EGRESS_ACTIVE'))).title).toBeNull()
  })

  it('is ending from the moment when somebody wants it stopped', () => {
    const stop = wish('a', 5, { stop: true })
    expect(shown(observe(running('EGRESS_STARTING'), stop)).status).toBe('ending')
    expect(shown(observe(running('EGRESS_ACTIVE'), stop)).status).toBe('ending')
    expect(shown(observe(ready, stop)).status).toBe('ready')
  })

  it('plays for nobody once it is deleted, and again when it was restored', () => {
    const deleted = observe(ready, wish('a', 99, { removeAtMs: endMs + 1 }))
    expect(shown(deleted)).toMatchObject({
      status: 'deleted',
      removeAtMs: endMs + 1,
      files: [],
      error: null,
      attention: null,
    })
    expect(mainFile(shown(deleted))).toBeNull()
    const restored = observe(deleted, wish('b', 100, { removeAtMs: null }))
    expect(shown(restored)).toEqual(shown(ready))
  })

  it('that still runs is ending until LiveKit has ended it, whoever wants it thrown away', () => {
    const discarded = observe(
      running('EGRESS_ACTIVE'),
      wish('a', 5, { stop: true, removeAtMs: startMs }),
    )
    expect(shown(discarded).status).toBe('ending')
    expect(shown(observe(discarded, webhook('EGRESS_ABORTED', 9))).status).toBe('deleted')
  })

  it.each([
    ['EGRESS_COMPLETE', false, false],
    ['EGRESS_FAILED', true, false],
    ['EGRESS_LIMIT_REACHED', false, true],
  ])('of %s with its file: partial %s, limitReached %s', (word, partial, limitReached) => {
    const state = withFile(ended([uploadedFile], word), { state: 'final', source: sourceOf() })
    expect(shown(state)).toMatchObject({ status: 'ready', partial, limitReached })
  })

  it('has no duration rather than a negative one', () => {
    const facts = {
      outputs: [output({ located: true })],
      endedAtMs: startMs - 5_000,
      terminalAtMs: endMs,
    }
    const state = observe(newState('EG_test'), webhook('EGRESS_COMPLETE', 60, facts))
    expect(shown(state).durationMs).toBeNull()
  })

  it('shows neither a file that nobody promised nor the address of a backup', () => {
    expect(shown(ended([output()], 'EGRESS_FAILED')).files).toEqual([])
    const backupUrl = 'https://backup.example/f?X-Amz-Signature=secret'
    const state = withFile(ended([{ ...uploadedFile, backupUrl }]), {
      state: 'moving',
      source: sourceOf({ etag: 'backup' }),
    })
    expect(JSON.stringify(shown(state))).not.toContain('secret')
    expect(shown(state).files[0]?.key).toBeNull()
  })

  it('shows how far a copy in parts is, never more than there is', () => {
    const upload = { uploadId: 'u', partBytes: 400, etags: ['a', 'b', 'c'] }
    const state = withFile(ended(), { state: 'moving', source: sourceOf(), upload })
    expect(shown(state).progress).toEqual({ doneBytes: 1000, totalBytes: 1000 })
  })

  it('that consists of images alone is ready when there are some', () => {
    const state = ended([output({ kind: 'image', path: 'temp/x/thumb', located: true })])
    const folders = state.folders.map((folder) => ({
      ...folder,
      state: 'done' as const,
      names: ['thumb_1.jpeg'],
    }))
    expect(shown(state).status).toBe('processing')
    expect(shown({ ...state, folders })).toMatchObject({
      status: 'ready',
      files: [{ name: 'thumb_1.jpeg', kind: 'image' }],
    })
  })
})

describe('the file that plays', () => {
  const file = (
    name: string,
    kind: RecordingFile['kind'],
    state: RecordingFile['state'] = 'final',
  ) => ({
    name,
    kind,
    state,
    contentType: contentTypeOf(name),
    sizeBytes: 1,
    durationMs: null,
    key: name,
  })
  const main = (...files: RecordingFile[]) => mainFile({ ...shown(ready), files })?.name ?? null

  it.each<[string | null, RecordingFile[]]>([
    ['b.mp4', [file('a.ogg', 'audio'), file('b.mp4', 'video'), file('c.m3u8', 'playlist')]],
    ['a.ogg', [file('c.m3u8', 'playlist'), file('a.ogg', 'audio')]],
    ['c.m3u8', [file('c.m3u8', 'playlist'), file('i.jpeg', 'image'), file('m.json', 'manifest')]],
    ['v-2.mp4', [file('v.mp4', 'video'), file('v-2.mp4', 'video')]],
    ['run-2/c.m3u8', [file('c.m3u8', 'playlist'), file('run-2/c.m3u8', 'playlist')]],
    ['v.mp4', [file('v.mp4', 'video'), file('v-2.mp4', 'video', 'moving')]],
    ['c.m3u8', [file('v.mp4', 'video', 'missing'), file('c.m3u8', 'playlist')]],
    [null, [file('l.m3u8', 'live_playlist'), file('m.json', 'manifest')]],
    [null, []],
  ])('is %s', (expected, files) => expect(main(...files)).toBe(expected))

  it.each(statuses)('is missed with a reason in the status %s', (word) => {
    const recording = { ...shown(ready), files: [], status: word, error: null }
    expect(whyNotPlayable(recording)).toMatchObject({
      code: word,
      message: expect.stringMatching(/\.$/),
    })
    const because = { code: 'missing', message: 'It is gone.' }
    expect(whyNotPlayable({ ...recording, error: because })).toEqual(because)
    expect(whyNotPlayable({ ...shown(ready), status: word })).toBeNull()
  })
})
