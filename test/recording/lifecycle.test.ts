// What is to be done next, and when. Exists for worlds that are down: trouble with one never holds up the work with
// another; and for silence, which alone never ends anything.
import { describe, expect, it } from 'vitest'
import { observe, revive, settle } from '../../src/recording/lifecycle.ts'
import { observation } from '../../src/recording/observation.ts'
import { neverMs, newState } from '../../src/recording/state.ts'
import type { FileWork, RecordingState } from '../../src/recording/state.ts'
import { isEnded, status } from '../../src/recording/status.ts'
import { life, output, settings, startMs, uploadedFile, webhook } from './evidence.ts'
import {
  ended,
  endMs,
  nowMs,
  paused,
  published,
  running,
  sourceOf,
  stepOf,
  withFile,
} from './works.ts'

const gone = (
  since: number,
  answers: number,
  asked: number,
): Partial<RecordingState['livekit']> => ({
  goneSinceMs: since,
  goneAnswers: answers,
  askedAtMs: asked,
})
const withLiveKit = (
  state: RecordingState,
  livekit: Partial<RecordingState['livekit']>,
): RecordingState => ({ ...state, livekit: { ...state.livekit, ...livekit } })

describe('the next step', () => {
  it('for an egress that nobody ever spoke of is none', () => {
    expect(stepOf(newState('EG_test'))).toEqual({ do: 'rest' })
  })

  it('tells the registry first, then the catalogue, and only then touches the file', () => {
    const state = observe(
      newState('EG_test'),
      webhook('EGRESS_COMPLETE', 60, { outputs: [uploadedFile] }),
    )
    expect(stepOf(state)).toEqual({ do: 'register', isOpen: true })
    const registered = { ...state, registry: { ...state.registry, entry: 'open' as const } }
    expect(stepOf(registered)).toEqual({ do: 'publish' })
    expect(stepOf(published(registered))).toEqual({ do: 'locate', name: 'video.mp4' })
  })

  const large = sourceOf({ sizeBytes: settings.multipartAboveBytes + 1 })
  const upload = { uploadId: 'u', partBytes: settings.partBytes, etags: [] as string[] }
  const parts = Math.ceil(large.sizeBytes / settings.partBytes)
  const etags = (count: number): string[] => Array.from({ length: count }, () => 'e')
  it.each<[string, Partial<FileWork>]>([
    ['locate', { state: 'expected' }],
    ['locate', { state: 'missing' }],
    ['copy', { state: 'in_temp', source: sourceOf() }],
    ['begin', { state: 'in_temp', source: large }],
    ['part', { state: 'moving', source: large, upload }],
    ['part', { state: 'moving', source: large, upload: { ...upload, etags: etags(parts - 1) } }],
    ['complete', { state: 'moving', source: large, upload: { ...upload, etags: etags(parts) } }],
    ['verify', { state: 'moving', source: sourceOf(), copyAsked: true }],
    ['remove', { state: 'final', source: sourceOf() }],
    ['abort', { state: 'expected', abandoned: { key: 'k', uploadId: 'u' } }],
    ['abort', { state: 'in_temp', source: large, abandoned: { key: 'k', uploadId: 'u' } }],
  ])('of a file is %s', (step, work) => {
    expect(stepOf(published(withFile(ended(), work)))).toEqual({ do: step, name: 'video.mp4' })
  })

  it.each<Partial<FileWork>>([
    { state: 'quarantined', source: sourceOf() },
    { state: 'final', source: sourceOf(), tempRemoved: true },
  ])('of a file that is %j is none, and the registry hears that there is nothing left', (work) => {
    const state = published(withFile(ended(), work))
    expect(stepOf(state)).toEqual({ do: 'register', isOpen: false })
    expect(stepOf(published(state, 'closed'))).toEqual({ do: 'rest' })
  })

  it('of a file in the backup storage is to pull it, and of one that was found in the bucket after all to copy it', () => {
    const backupUrl = 'https://backup.example/?X-Amz-Signature=s'
    const state = ended([{ ...uploadedFile, backupUrl }])
    expect(stepOf(state)).toEqual({ do: 'pull', name: 'video.mp4' })
    const pulled = { state: 'moving' as const, source: sourceOf({ etag: 'backup' }) }
    expect(stepOf(published(withFile(state, pulled)))).toMatchObject({ do: 'pull' })
    const joined = withFile(state, { ...pulled, copyAsked: true })
    expect(stepOf(published(joined))).toMatchObject({ do: 'verify' })
    const found = withFile(state, { state: 'in_temp', source: sourceOf() })
    expect(stepOf(published(found))).toMatchObject({ do: 'copy' })
  })
})

describe('a world that is out of order', () => {
  const files = ended()
  it('holds up only what needs it: the store', () => {
    const state = published(withFile(files, { pause: paused() }))
    expect(stepOf(state)).toEqual({ do: 'wait', untilMs: nowMs + 60_000 })
    const changed = { ...state, catalogue: { ...state.catalogue, published: null } }
    expect(stepOf(changed)).toEqual({ do: 'publish' })
  })

  it('holds up only what needs it: the catalogue', () => {
    const catalogue = {
      ...files.catalogue,
      published: null,
      pause: paused('catalogue-unavailable'),
    }
    expect(stepOf({ ...files, catalogue })).toEqual({ do: 'locate', name: 'video.mp4' })
    const waiting = withFile(
      { ...files, catalogue },
      { pause: paused('store-outage', 1, nowMs + 5) },
    )
    expect(stepOf(waiting)).toEqual({ do: 'wait', untilMs: nowMs + 5 })
  })

  it('holds up only what needs it: the registry', () => {
    const registry = { entry: 'none' as const, pause: paused('registry-unavailable') }
    expect(stepOf({ ...files, registry })).toEqual({ do: 'locate', name: 'video.mp4' })
  })

  it('holds up only what needs it: one file of several', () => {
    const two = ended([
      uploadedFile,
      output({ path: 'temp/EG_test/talk.ogg', kind: 'audio', located: true }),
    ])
    const state = published(withFile(two, { pause: paused() }))
    expect(stepOf(state)).toEqual({ do: 'locate', name: 'talk.ogg' })
  })

  it('holds up only what needs it: LiveKit', () => {
    const state = withLiveKit(files, { isWanted: true, pause: paused('livekit-unavailable') })
    expect(stepOf(state)).toEqual({ do: 'locate', name: 'video.mp4' })
  })

  it('is tried again at once when a person asks', () => {
    const state = withFile(files, { pause: paused('store-outage', 9, neverMs), state: 'missing' })
    const again = published(revive(state))
    expect(stepOf(again)).toEqual({ do: 'locate', name: 'video.mp4' })
    expect(again.livekit.isWanted).toBe(true)
  })
})

describe('an egress that nobody speaks of', () => {
  const state = running('EGRESS_ACTIVE')
  const heardMs = startMs + 1_000
  const silentMs = heardMs + settings.silentAfterMs

  it('is looked up after the silence, not before', () => {
    expect(stepOf(state)).toEqual({ do: 'wait', untilMs: silentMs })
    expect(stepOf(state, silentMs)).toEqual({ do: 'look-up' })
  })

  it('is not ended by one answer that there is no such egress, nor by two at once', () => {
    const once = withLiveKit(state, gone(silentMs, 1, silentMs))
    expect(stepOf(once, silentMs)).toMatchObject({ do: 'wait', untilMs: silentMs + 60_000 })
    const twiceAtOnce = withLiveKit(state, gone(silentMs, 2, silentMs + 10))
    expect(stepOf(twiceAtOnce, silentMs + 20)).toMatchObject({ do: 'wait' })
  })

  it('that LiveKit has forgotten is looked for in the bucket, and only then given up', () => {
    const confirmed = withLiveKit(state, gone(silentMs, 2, silentMs + 60_000))
    const giveUpMs = silentMs + settings.graceMs
    expect(stepOf(confirmed, silentMs + 60_001)).toEqual({ do: 'probe' })
    const probed = { ...confirmed, probe: { ...confirmed.probe, probedAtMs: giveUpMs } }
    const toldByMore = {
      ...probed,
      seen: { ...probed.seen, witnesses: ['livekit' as const, 'webhook' as const] },
    }
    expect(stepOf(toldByMore, giveUpMs), 'once more before it is given up').toEqual({
      do: 'look-up',
    })
    const asked = (last: RecordingState): RecordingState =>
      withLiveKit(last, { askedAtMs: giveUpMs })
    expect(stepOf(asked(toldByMore), giveUpMs)).toEqual({ do: 'conclude', as: 'lost' })
    expect(stepOf(asked(probed), giveUpMs)).toEqual({ do: 'conclude', as: 'ghost' })
  })

  it('is heard again when LiveKit speaks of it: what it forgot is forgotten', () => {
    const confirmed = withLiveKit(state, gone(startMs + 2_000, 2, startMs + 70_000))
    const heard = observe(confirmed, webhook('EGRESS_ACTIVE', 90))
    expect(heard.livekit).toMatchObject({ goneSinceMs: null, goneAnswers: 0 })
  })

  it('W15: that LiveKit calls ACTIVE for ever is a zombie after the longest session and the grace period', () => {
    const zombieMs = heardMs + settings.maxSessionMs + settings.graceMs
    const asked = withLiveKit(state, {
      askedAtMs: zombieMs - 1,
      pause: paused('x', 1, zombieMs + 1),
    })
    expect(stepOf(asked, zombieMs)).toEqual({ do: 'probe' })
    const probed = { ...asked, probe: { ...asked.probe, probedAtMs: zombieMs } }
    expect(stepOf(probed, zombieMs)).toEqual({ do: 'conclude', as: 'lost' })
  })

  it('whose file the backup storage had is no ghost, although its address has expired', () => {
    const facts = { outputs: [uploadedFile], terminalAtMs: endMs, backup: true }
    const said = observe(newState('EG_test'), webhook('EGRESS_COMPLETE', 60, facts))
    const forgotten = withLiveKit(
      withFile(said, { state: 'missing', pause: paused('backup-expired', 9, neverMs) }),
      gone(nowMs, 2, nowMs + 60_000),
    )
    expect(stepOf(published(forgotten, 'closed'), nowMs + 60_001)).toEqual({ do: 'rest' })
  })
})

describe('an end', () => {
  it.each([
    ['EGRESS_STARTING', false, 'starting'],
    ['EGRESS_ACTIVE', false, 'active'],
    ['EGRESS_ENDING', false, 'ending'],
    ['EGRESS_PAUSED', false, 'active'],
    ['EGRESS_COMPLETE', true, 'processing'],
    ['EGRESS_LIMIT_REACHED', true, 'processing'],
    ['EGRESS_FAILED', true, 'processing'],
    ['EGRESS_ABORTED', true, 'processing'],
  ])('%s with a located file: ended is %s, the status is %s', (word, isOver, expected) => {
    const state = observe(newState('EG_test'), webhook(word, 60, { outputs: [uploadedFile] }))
    expect([isEnded(state), status(state)]).toEqual([isOver, expected])
  })

  it.each([
    ['EGRESS_COMPLETE', 'processing'],
    ['EGRESS_LIMIT_REACHED', 'processing'],
    ['EGRESS_FAILED', 'failed'],
    ['EGRESS_ABORTED', 'aborted'],
  ])('%s with a name and no location has the status %s', (word, expected) => {
    expect(status(ended([output()], word))).toBe(expected)
  })

  it.each([
    ['EGRESS_COMPLETE', true, 'ready'],
    ['EGRESS_FAILED', true, 'failed'],
    ['EGRESS_COMPLETE', false, 'failed'],
  ])('%s without any file, streams: %s, has the status %s', (word, streams, expected) => {
    const state = observe(newState('EG_test'), webhook(word, 60, { outputs: null, streams }))
    expect(status(state)).toBe(expected)
  })

  it.each([
    ['in_temp', 'processing'],
    ['moving', 'processing'],
    ['final', 'ready'],
    ['missing', 'failed'],
    ['quarantined', 'failed'],
  ] as const)(
    'with a file that is %s has the status %s, whatever LiveKit called it',
    (state, expected) => {
      for (const word of ['EGRESS_COMPLETE', 'EGRESS_FAILED', 'EGRESS_LIMIT_REACHED'])
        expect(status(withFile(ended([uploadedFile], word), { state, source: sourceOf() }))).toBe(
          word === 'EGRESS_FAILED' && expected === 'failed' ? 'failed' : expected,
        )
    },
  )

  it('is told by a manifest alone, unless LiveKit spoke later', () => {
    const facts = life[3]?.egress
    const manifest = observation({
      id: 'manifest',
      source: 'manifest',
      type: 'manifest',
      observedAtMs: nowMs,
      egress: facts ? { ...facts, status: null, updatedAtUs: (startMs + 30_000) * 1000 } : null,
    })
    const active = observe(newState('EG_test'), webhook('EGRESS_ACTIVE', 1))
    expect(isEnded(observe(active, manifest))).toBe(true)
    expect(isEnded([webhook('EGRESS_ACTIVE', 40), manifest].reduce(observe, active))).toBe(false)
  })

  it('that was concluded from silence falls when evidence comes', () => {
    const conclusion = { as: 'lost' as const, atMs: nowMs, evidence: 'of another time' }
    const state = settle({ ...running('EGRESS_ACTIVE'), conclusion })
    expect([state.conclusion, status(state)]).toEqual([null, 'active'])
  })
})
