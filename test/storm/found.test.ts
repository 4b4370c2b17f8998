// What the storm found, each as its own small story, so that it stays found when the storm's histories change. Pure: states,
// observations and the decisions on them.
import { describe, expect, it } from 'vitest'
import { perform } from '../../src/objects/perform.ts'
import { performOnFile } from '../../src/objects/file-steps.ts'
import type { Ports } from '../../src/objects/outcome.ts'
import { classify } from '../../src/reconcile/classify.ts'
import { isNews } from '../../src/reconcile/sweep-livekit.ts'
import { claimsOf } from '../../src/recording/claims.ts'
import { evidenceOfObjects, expiryMs } from '../../src/recording/erasure.ts'
import { afterGone, afterSeen } from '../../src/recording/gone.ts'
import { evidenceOf, nextStep, observe, settle } from '../../src/recording/lifecycle.ts'
import { noFacts, observation } from '../../src/recording/observation.ts'
import type { ObjectFact, Observation } from '../../src/recording/observation.ts'
import { toRecording } from '../../src/recording/recording.ts'
import { newState, noPause } from '../../src/recording/state.ts'
import type { FileWork, RecordingState } from '../../src/recording/state.ts'
import type { Status } from '../../src/recording/status.ts'
import { Bucket } from './bucket.ts'
import { calm, World } from './world.ts'
import { life, output, path, settings, startMs, webhook, wish } from '../recording/evidence.ts'

const dayMs = 24 * 3_600_000
const object: ObjectFact = { key: path, etag: 'a', sizeBytes: 1000, lastModifiedMs: startMs }

function seen(...observations: Observation[]): RecordingState {
  return observations.reduce(observe, newState('EG_test'))
}

function listed(found: ObjectFact): Observation {
  const id = `object:${found.key}:${found.etag}`
  const base = { id, source: 'object', type: 'object', observedAtMs: startMs + 100_000 } as const
  return observation({ ...base, objects: [found] })
}

/** The state after the first file was moved. */
function moved(state: RecordingState, sizeBytes = 1000): RecordingState {
  const source = { ...object, sizeBytes, contentType: null, metadata: {} }
  const final = { key: 'recordings/EG_test/video.mp4', etag: 'a', sizeBytes }
  const isFirst = (file: FileWork): boolean => file === state.files[0]
  const files = state.files.map((file) =>
    isFirst(file) ? { ...file, state: 'final' as const, source, final, tempRemoved: true } : file,
  )
  return { ...state, files }
}

function published(state: RecordingState): RecordingState {
  const row = JSON.stringify(toRecording(state))
  const claims = claimsOf(state, settings.tempPrefix)
  const catalogue = { ...state.catalogue, published: row, claims, revision: 1 }
  return { ...state, catalogue, registry: { pause: noPause, entry: 'open' } }
}

describe('what the storm found', () => {
  it('a path with a double slash names the same file as its key, not a second one beside it', () => {
    const unclean = output({ path: 'temp//EG_test/video.mp4', located: true, sizeBytes: 1001 })
    const state = seen(webhook('EGRESS_COMPLETE', 60, { outputs: [unclean] }), listed(object))
    expect(state.files.map(({ name }) => name)).toEqual(['video.mp4'])
  })

  it('the size that LiveKit promised of one run is not held against the file of another', () => {
    const end = { outputs: [output({ located: true, sizeBytes: 1000 })] }
    const first = moved(seen(webhook('EGRESS_COMPLETE', 60, { ...end, terminalAtMs: startMs })))
    const later = { ...object, etag: 'b', sizeBytes: 500, lastModifiedMs: startMs + 90_000 }
    const state = observe(first, listed(later))
    expect(state.files.map(({ name, state: word }) => [name, word])).toEqual([
      ['video.mp4', 'final'],
      ['video-2.mp4', 'expected'],
    ])
    expect(toRecording(state)?.attention).toBeNull()
  })

  it('a size that is heard after the move and is another brings a person', () => {
    const state = moved(seen(webhook('EGRESS_COMPLETE', 60, { outputs: [output()] })), 999)
    const told = observe(state, life.at(-1) ?? listed(object))
    expect(toRecording(told)?.attention).toBe('size-mismatch')
  })

  it('a file of an attempt that was superseded is brought home as well', () => {
    const retried = webhook('EGRESS_COMPLETE', 90, {
      retryCount: 1,
      outputs: [output({ path: 'temp/EG_test/video-1.mp4', located: true })],
    })
    const state = seen(retried, webhook('EGRESS_FAILED', 60), listed(object))
    expect(state.files.map(({ name }) => name)).toEqual(['video-1.mp4', 'video.mp4'])
  })

  it('the manifest of an attempt goes home although a later attempt has the last word', () => {
    const manifest = output({ path: 'temp/EG_test/EG_test.json', kind: 'manifest', located: true })
    const first = { outputs: [output({ located: true }), manifest] }
    const second = { retryCount: 1, outputs: [output({ path: 'temp/EG_test/b.mp4' })] }
    const state = seen(webhook('EGRESS_FAILED', 60, first), webhook('EGRESS_COMPLETE', 90, second))
    expect(state.files.map(({ name }) => name)).toContain('EG_test.json')
  })

  it('a recording that was given up for lost looks again when its file turns up', () => {
    const running = seen(webhook('EGRESS_ACTIVE', 1))
    const gone = { ...running.livekit, goneSinceMs: startMs + 2000, goneAnswers: 2 }
    const askedAtMs = startMs + 100_000
    const probe = { pause: noPause, probedAtMs: startMs + dayMs }
    const silent = published({ ...running, livekit: { ...gone, askedAtMs }, probe })
    const conclusion = { as: 'lost' as const, atMs: startMs + dayMs, evidence: 'before' }
    const found = published(observe({ ...silent, conclusion }, listed(object)))
    expect(nextStep(found, startMs + 2 * dayMs, settings)).toEqual({ do: 'probe' })
  })

  it('a recording whose file was moved is not lost when a late webhook says that it is ending', () => {
    const running = seen(webhook('EGRESS_ACTIVE', 1), listed(object))
    const conclusion = { as: 'ended' as const, atMs: startMs, evidence: words(running) }
    const ended = settle({ ...running, conclusion })
    const late = observe(moved(ended), webhook('EGRESS_ENDING', 60))
    const gone = { goneSinceMs: startMs + 70_000, goneAnswers: 2, askedAtMs: startMs + 200_000 }
    const probe = { pause: noPause, probedAtMs: startMs + dayMs }
    const silent = published({ ...late, livekit: { ...late.livekit, ...gone }, probe })
    expect(nextStep(silent, startMs + dayMs, settings)).toEqual({ do: 'conclude', as: 'ended' })
  })

  it('an egress that was taken for none is one when LiveKit says the same word of it that a webhook had said', () => {
    const started = webhook('EGRESS_STARTING', 0)
    const said = { ...started, id: 'list', source: 'livekit' as const, type: 'list' }
    const running = seen(started)
    const conclude = (as: 'ghost' | 'lost') => ({
      ...running,
      conclusion: { as, atMs: startMs, evidence: evidenceOf(running, as) },
    })
    const ghost = conclude('ghost')
    expect(observe(ghost, { ...started, id: 'again' }).conclusion?.as).toBe('ghost')
    expect(observe(ghost, said).conclusion).toBeNull()
    expect(toRecording(observe(ghost, said))?.listed).toBe(true)
    expect(observe(conclude('lost'), said).conclusion?.as).toBe('lost')
  })

  it('what turned out to be no recording, and is deleted, is deleted, and does not end for ever', () => {
    const running = seen(webhook('EGRESS_ENDING', 1), wish('gone', 2, { removeAtMs: startMs }))
    const evidence = evidenceOf(running, 'ghost')
    const ghost = { ...running, conclusion: { as: 'ghost' as const, atMs: startMs, evidence } }
    expect(toRecording(ghost)).toMatchObject({ status: 'deleted', listed: false })
    expect(nextStep(published(ghost), startMs + dayMs, settings)).toEqual({ do: 'erase' })
  })

  it('what was erased, and runs again in LiveKit’s list for ever, is told to end as long as anybody can believe in it', () => {
    const said = seen(
      wish('gone', 2, { removeAtMs: startMs }),
      { ...webhook('EGRESS_STARTING', 0), source: 'livekit' },
      listed(object),
    )
    const erased = { ...said, removal: { ...said.removal, doneFor: evidenceOfObjects(said) } }
    const endlessMs = startMs + settings.maxSessionMs + settings.graceMs + 1000
    const told = published({ ...erased, stop: { pause: noPause, sentAtMs: endlessMs - 1000 } })
    expect(nextStep(published(erased), startMs + 60_000, settings)).toEqual({ do: 'stop' })
    expect(nextStep(told, endlessMs, settings)).toEqual({ do: 'conclude', as: 'lost' })
    const evidence = evidenceOf(told, 'lost')
    const lost = { ...told, conclusion: { as: 'lost' as const, atMs: endlessMs, evidence } }
    expect(toRecording(lost)?.status).toBe('deleted')
    expect(nextStep(lost, endlessMs + dayMs, settings).do).toBe('register')
  })

  it('what was concluded from silence goes when its time is over, whatever LiveKit’s last word was', () => {
    const expiresAtMs = startMs + dayMs
    const running = seen(webhook('EGRESS_STARTING', 1), wish('kept', 2, { expiresAtMs }))
    const conclude = (as: 'ghost' | 'lost'): RecordingState => {
      const evidence = evidenceOf(running, as)
      const concluded = published({ ...running, conclusion: { as, atMs: startMs, evidence } })
      return { ...concluded, registry: { pause: noPause, entry: 'closed' } }
    }
    for (const as of ['ghost', 'lost'] as const)
      expect(nextStep(conclude(as), expiresAtMs, settings)).toEqual({ do: 'expire', expiresAtMs })
    expect(expiryMs(running)).toBeNull()
  })

  it('a row is written again after a write that may have been done, even when it looks the same', () => {
    const state = published(seen(webhook('EGRESS_ACTIVE', 1)))
    const unsure = { ...state, catalogue: { ...state.catalogue, isUnsure: true } }
    expect(nextStep(state, startMs + 2000, settings).do).toBe('wait')
    expect(nextStep(unsure, startMs + 2000, settings)).toEqual({ do: 'publish' })
  })

  it('bytes that LiveKit sends once more after the move are removed again, once their copy was looked at', () => {
    const first = moved(
      seen(webhook('EGRESS_COMPLETE', 60, { outputs: [output({ located: true })] })),
    )
    const again = observe(first, listed({ ...object, lastModifiedMs: startMs + 90_500 }))
    expect(again.files).toMatchObject([{ state: 'final', isDoubted: true, tempRemoved: false }])
    expect(again.files[0]?.source?.lastModifiedMs).toBe(startMs + 90_000)
    const step = (state: RecordingState) => nextStep(published(state), startMs + dayMs, settings)
    expect(step(again)).toEqual({ do: 'check', name: 'video.mp4' })
    const [file] = again.files
    if (file === undefined) throw new Error('there is no file')
    expect(step({ ...again, files: [afterSeen(file)] })).toEqual({
      do: 'remove',
      name: 'video.mp4',
    })
    // Somebody has deleted the copy: then these bytes are all that is left, and are moved.
    const back = { ...again, files: [afterGone(file, startMs + dayMs)] }
    expect(step(back)).toEqual({ do: 'locate', name: 'video.mp4' })
  })

  it('a row that was written when the process died is written again, although the evidence is back to the row before', async () => {
    const catalogue = { put: async () => Promise.reject(new Error('killed')) }
    const clock = { nowMs: () => startMs, random: () => 0 }
    const ports = { catalogue, clock, settings } as unknown as Ports
    const before = published(seen(webhook('EGRESS_FAILED', 1)))
    const evidence = evidenceOf(before, 'ghost')
    const ghost = settle({ ...before, conclusion: { as: 'ghost', atMs: startMs, evidence } })
    expect(nextStep(ghost, startMs + 2000, settings)).toEqual({ do: 'publish' })
    const asked = (await perform({ do: 'publish' }, ghost, ports)).change(ghost)
    await expect(perform({ do: 'publish' }, asked, ports)).rejects.toThrow('killed')
    const refuted = observe(asked, { ...webhook('EGRESS_FAILED', 1), id: 'l', source: 'livekit' })
    expect(JSON.stringify(toRecording(refuted))).toBe(refuted.catalogue.published)
    expect(nextStep(refuted, startMs + 3000, settings)).toEqual({ do: 'publish' })
  })

  it('a key that a late message names is claimed although the row does not change', () => {
    const ended = published(moved(seen(...life)))
    const late = webhook('EGRESS_STARTING', 0, { outputs: [output({ path: 'temp/guess.mp4' })] })
    const state = observe(ended, late)
    expect(JSON.stringify(toRecording(state))).toBe(state.catalogue.published)
    expect(nextStep(state, startMs + 70_000, settings)).toEqual({ do: 'publish' })
  })

  it('a key is claimed under the spelling that the bucket may list it by', () => {
    const decomposed = 'temp/cafe\u0301.mp4'
    const state = seen(webhook('EGRESS_ACTIVE', 1, { outputs: [output({ path: decomposed })] }))
    expect(claimsOf(state, settings.tempPrefix)).toContain('temp/caf\u00e9.mp4')
  })

  it('an orphan that somebody claims after all is told to its recording', () => {
    const there = { ...object, key: 'temp/a.mp4' }
    const orphan = { ...there, egressId: null }
    const nowMs = startMs + dayMs
    expect(classify(there, new Map(), orphan, nowMs, 1000)).toEqual({ kind: 'none' })
    const claims = new Map([['temp/a.mp4', { egressId: 'EG_test', status: 'ready' as const }]])
    const finding = classify(there, claims, orphan, nowMs, 1000)
    expect(finding).toMatchObject({ kind: 'claimed', egressId: 'EG_test' })
  })

  it('LiveKit\u2019s list is news to what was given up for lost, and to what a retry superseded', () => {
    const nowMs = startMs + dayMs
    const active = { ...noFacts, status: 'EGRESS_ACTIVE' }
    const ended = { ...noFacts, status: 'EGRESS_COMPLETE', terminalAtMs: startMs }
    const standing = (status: Status) => ({
      status,
      egressStatus: null,
      egressEndedAtMs: startMs,
      isOfTheBucket: false,
    })
    const ofTheBucket = { ...standing('ready'), isOfTheBucket: true }
    expect(isNews(ended, ofTheBucket, nowMs)).toBe(true)
    expect(isNews(active, ofTheBucket, nowMs)).toBe(false)
    // A file of which nobody had heard goes with the rest of what was deleted.
    const told = { ...standing('deleted'), egressStatus: 'EGRESS_COMPLETE' }
    expect(isNews(ended, standing('deleted'), nowMs)).toBe(true)
    expect(isNews(ended, told, nowMs)).toBe(false)
    expect(isNews(active, standing('active'), nowMs)).toBe(false)
    expect(isNews(active, standing('lost'), nowMs)).toBe(true)
    // The first word names a guess, a later one the file; LiveKit may forget it before it is asked again.
    expect(isNews(active, standing('starting'), nowMs)).toBe(true)
    const ending = { ...active, status: 'EGRESS_ENDING' }
    expect(isNews(ending, standing('active'), nowMs)).toBe(true)
    expect(isNews(ending, standing('ending'), nowMs)).toBe(false)
    expect(isNews({ ...active, status: 'EGRESS_PAUSED' }, standing('active'), nowMs)).toBe(false)
    expect(isNews(ended, standing('ready'), nowMs)).toBe(false)
    // The end of a second run, which may have written another file over the first one.
    const secondEnd = { ...ended, terminalAtMs: startMs + 1 }
    expect(isNews(secondEnd, standing('ready'), nowMs)).toBe(true)
    expect(isNews(active, standing('deleted'), nowMs)).toBe(false)
    // The catalogue may still speak of the attempt before.
    for (const over of ['deleted', 'failed', 'ready', 'processing', 'active'] as const)
      expect(isNews({ ...active, retryCount: 1 }, standing(over), nowMs)).toBe(true)
    expect(isNews({ ...ended, retryCount: 1 }, standing('ready'), nowMs)).toBe(true)
    expect(
      isNews({ ...ended, outputs: [output({ located: true })] }, standing('failed'), nowMs),
    ).toBe(true)
  })
})

it('a file that was joined before a kill is kept when a second run has overwritten the temp file', async () => {
  const world = new World({ seed: 1, startMs, weather: calm, calmFromMs: startMs, lines: null })
  const kind = {
    guardsDestination: true,
    ignoresConditions: false,
    normalisesKeys: false,
    refusesDeletes: false,
  }
  const bucket = new Bucket(world, { ...kind, hasNoEtags: false, listsMilliseconds: false })
  const bytes = { sizeBytes: 2000, text: null, isMultipart: false }
  bucket.put(path, { ...bytes, content: 'first' }, {}, 'video/mp4')
  const source = await bucket.head(path)
  const state = seen(webhook('EGRESS_COMPLETE', 60, { outputs: [output({ located: true })] }))
  const small = { ...settings, multipartAboveBytes: 1000, partBytes: 2000 }
  const clock = { nowMs: () => world.nowMs, random: () => 0 }
  const ports = { store: bucket, clock, settings: small } as unknown as Ports
  let now: RecordingState = {
    ...state,
    files: state.files.map((file) => ({ ...file, state: 'in_temp' as const, source })),
  }
  const performed = async (step: 'begin' | 'part' | 'complete'): Promise<RecordingState> => {
    const [file] = now.files
    if (file === undefined) throw new Error('there is no file')
    return (await performOnFile(step, { file, state: now, ports })).change(now)
  }
  now = await performed('begin')
  now = await performed('part')
  // What came of it is lost with the process.
  await performed('complete')
  world.advanceTo(startMs + 60_000)
  bucket.put(path, { ...bytes, content: 'second' }, {}, 'video/mp4')
  now = await performed('complete')
  expect(now.files.map(({ name, state: word, upload }) => [name, word, upload])).toEqual([
    ['video.mp4', 'moving', null],
  ])
  expect(bucket.objects.get('recordings/EG_test/video.mp4')?.content).toBe('first')
})

/** In a folder that is not its own. */
const shared = output({ path: 'temp/shared/video.mp4', located: true })

it('what a store refuses to delete on any condition is erased all the same, and nothing else', async () => {
  const world = new World({ seed: 1, startMs, weather: calm, calmFromMs: startMs, lines: null })
  const kind = { guardsDestination: true, ignoresConditions: false, refusesDeletes: true }
  const more = { normalisesKeys: false, hasNoEtags: false, listsMilliseconds: false }
  const bucket = new Bucket(world, { ...kind, ...more }, (egressId) => egressId === 'EG_storm1n0')
  const bytes = { sizeBytes: 2000, text: null, isMultipart: false }
  bucket.put(shared.path, { ...bytes, content: 'EG_storm1n0-c1' }, {}, 'video/mp4')
  bucket.put('temp/shared/other.mp4', { ...bytes, content: 'EG_storm1n1-c1' }, {}, 'video/mp4')
  const clock = { nowMs: () => world.nowMs, random: () => 0 }
  const ports = { store: bucket, clock, settings } as unknown as Ports
  let now = seen(
    webhook('EGRESS_COMPLETE', 60, { outputs: [shared] }),
    wish('gone', 61, { removeAtMs: startMs }),
  )
  for (let step = nextStep(now, world.nowMs, settings); now.removal.doneFor === null;) {
    if (step.do === 'wait') world.advanceTo(step.untilMs)
    now = (await perform({ do: 'erase' }, now, ports)).change(now)
    step = nextStep(published(now), world.nowMs, settings)
    expect(['erase', 'wait', 'rest', 'register']).toContain(step.do)
  }
  expect([...bucket.objects.keys()]).toEqual(['temp/shared/other.mp4'])
})

it('a store that keeps what it says that it removed is asked more and more seldom, and a person is told', async () => {
  const there = { ...object, key: shared.path, contentType: null, metadata: {} }
  let removals = 0
  const store = {
    head: async (key: string) => (key === shared.path ? there : null),
    list: async () => ({ objects: [], next: null }),
    text: async () => null,
    remove: async () => {
      removals += 1
      return 'removed'
    },
  }
  let nowMs = startMs
  const clock = { nowMs: () => nowMs, random: () => 0 }
  const ports = { store, clock, settings } as unknown as Ports
  let now = seen(
    webhook('EGRESS_COMPLETE', 60, { outputs: [shared] }),
    wish('gone', 61, { removeAtMs: startMs }),
  )
  while (nowMs < startMs + dayMs) {
    now = (await perform({ do: 'erase' }, now, ports)).change(now)
    nowMs = Math.max(nowMs + 1, now.removal.pause.untilMs)
  }
  expect(removals).toBeGreaterThan(10)
  expect(removals).toBeLessThan(200)
  expect(toRecording(now)).toMatchObject({ status: 'deleted', attention: 'still-there' })
})

function words({ seen: { verdict, endedBy } }: RecordingState): string {
  return JSON.stringify([verdict?.stamp ?? null, endedBy])
}
