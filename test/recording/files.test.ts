// Which files a recording has to bring home, and what looks into the store say of them. Exists for names that were only
// guessed, files that were promised later, second runs, and pauses that grow for ever.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  awakened,
  candidateKeys,
  hasBackup,
  planFiles,
  renamed,
} from '../../src/recording/files.ts'
import { waitsForSegments } from '../../src/recording/folders.ts'
import { observe, settle } from '../../src/recording/lifecycle.ts'
import { afterFound, afterNotFound } from '../../src/recording/looks.ts'
import { observation } from '../../src/recording/observation.ts'
import { neverMs, newState, noPause, pauseAfter } from '../../src/recording/state.ts'
import type { FileWork } from '../../src/recording/state.ts'
import { output, path, settings, startMs, uploadedFile, webhook } from './evidence.ts'
import { ended, endMs, nowMs, onlyFile, paused, sourceOf, withFile } from './works.ts'

const done = { state: 'final' as const, tempRemoved: true, source: sourceOf() }

describe('the files of an ended egress', () => {
  it('are what LiveKit located; what it only guessed before is not looked for', () => {
    const guess = webhook('EGRESS_STARTING', 0, { outputs: [output({ path: 'temp/guess.mp4' })] })
    const end = webhook('EGRESS_COMPLETE', 60, { outputs: [uploadedFile] })
    const state = [guess, end].reduce(observe, newState('EG_test'))
    expect(state.files.map((file) => [file.path, file.optional])).toEqual([[path, false]])
  })

  it('are every name that was ever given, when LiveKit located none', () => {
    const guess = webhook('EGRESS_STARTING', 0, { outputs: [output({ path: 'temp/guess.mp4' })] })
    const end = webhook('EGRESS_FAILED', 60, { outputs: [output()] })
    const state = [guess, end].reduce(observe, newState('EG_test'))
    expect(state.files.map((file) => [file.path, file.optional])).toEqual([
      [path, true],
      ['temp/guess.mp4', true],
    ])
  })

  it.each(['before', 'after'])(
    'have the live playlist of a webhook heard %s the manifest',
    (when) => {
      const index = output({ kind: 'playlist', path: 'temp/EG_test/index.m3u8' })
      const live = output({ kind: 'live_playlist', path: 'temp/EG_test/live.m3u8' })
      const named = webhook('EGRESS_ACTIVE', 1, { outputs: [index, live] })
      const located = output({ ...index, located: true })
      const manifest = {
        ...webhook('EGRESS_COMPLETE', 60, { status: null, outputs: [located] }),
        source: 'manifest' as const,
      }
      const told = when === 'before' ? [named, manifest] : [manifest, named]
      const state = told.reduce(observe, newState('EG_test'))
      const works = state.files.map(({ kind, path: of, name }) => [kind, of, name])
      expect(works).toEqual([
        ['playlist', 'temp/EG_test/index.m3u8', 'index.m3u8'],
        ['live_playlist', 'temp/EG_test/live.m3u8', 'live.m3u8'],
      ])
      const found = withFile(state, { state: 'in_temp', source: sourceOf() }, 'live.m3u8')
      expect(found.files.map((file) => waitsForSegments(found, file))).toEqual([true, true])
    },
  )

  it('have the live playlist of an end that LiveKit told, when the manifest has the later word', () => {
    const index = output({ kind: 'playlist', path: 'temp/EG_test/index.m3u8', located: true })
    const live = output({ kind: 'live_playlist', path: 'temp/EG_test/live.m3u8', located: true })
    const end = webhook('EGRESS_COMPLETE', 60, { outputs: [index, live] })
    const later = webhook('EGRESS_COMPLETE', 61, { status: null, outputs: [index] })
    const manifest = { ...later, source: 'manifest' as const }
    for (const order of [
      [end, manifest],
      [manifest, end],
    ]) {
      const { files } = order.reduce(observe, newState('EG_test'))
      expect(files.map((file) => file.path)).toEqual([index.path, live.path])
    }
  })

  it('have no live playlist of an attempt that was superseded, whose segments nobody moves', () => {
    const first = output({ kind: 'live_playlist', path: 'temp/first/live.m3u8' })
    const index = output({ kind: 'playlist', path: 'temp/second/index.m3u8', located: true })
    const state = [
      webhook('EGRESS_ACTIVE', 1, { outputs: [first] }),
      webhook('EGRESS_COMPLETE', 60, { outputs: [index], retryCount: 1 }),
    ].reduce(observe, newState('EG_test'))
    expect(state.files.map((file) => file.path)).toEqual([index.path])
  })

  it('that were given up are looked for once more when LiveKit promises them later', () => {
    const failed = withFile(ended([output()], 'EGRESS_FAILED'), { state: 'absent' })
    const later = webhook('EGRESS_COMPLETE', 70, { outputs: [uploadedFile], terminalAtMs: endMs })
    expect(onlyFile(observe(failed, later))).toMatchObject({ state: 'expected', optional: false })
  })

  it('that were found before LiveKit promised them count from then on', () => {
    const found = withFile(ended([output()], 'EGRESS_FAILED'), {
      state: 'in_temp',
      source: sourceOf(),
    })
    const later = webhook('EGRESS_COMPLETE', 70, { outputs: [uploadedFile], terminalAtMs: endMs })
    expect(onlyFile(observe(found, later))).toMatchObject({ state: 'in_temp', optional: false })
  })

  it.each([
    ['another end', { terminalAtMs: endMs + 60_000 }, {}],
    ['an overwritten temp file', {}, { overwritten: true }],
  ])('get a second work after %s', (_, facts, work) => {
    const state = withFile(ended(), { ...done, ...work })
    const more = webhook('EGRESS_COMPLETE', 61, {
      outputs: [uploadedFile],
      terminalAtMs: endMs,
      ...facts,
    })
    const files = observe(state, more).files
    expect(files.map(({ name, optional }) => [name, optional])).toEqual([
      ['video.mp4', false],
      ['video-2.mp4', true],
    ])
    expect(planFiles(settle(observe(state, more)))).toHaveLength(2)
  })

  it('get no second work for the same end told twice', () => {
    const state = withFile(ended(), done)
    const again = webhook('EGRESS_FAILED', 62, { outputs: [output()], terminalAtMs: endMs })
    expect(observe(state, again).files).toHaveLength(1)
  })

  it('get a second work for another object at the same place, not for the one that was moved', () => {
    const state = withFile(ended(), done)
    const seen = (etag: string, lastModifiedMs: number) =>
      observe(
        state,
        observation({
          id: `object:${etag}`,
          source: 'object',
          type: 'object',
          observedAtMs: nowMs,
          objects: [{ key: path, etag, sizeBytes: 1000, lastModifiedMs }],
        }),
      ).files.length
    expect([seen('e1', endMs), seen('e2', endMs - 1), seen('e2', endMs + 1)]).toEqual([1, 1, 2])
  })

  it('that were discovered under no name that LiveKit gave are files as well', () => {
    const key = 'temp/EG_test/video-1.mp4'
    const objects = [{ key, etag: 'e', sizeBytes: 1, lastModifiedMs: endMs }]
    const seen = observation({
      id: 'o',
      source: 'object',
      type: 'object',
      observedAtMs: nowMs,
      objects,
    })
    expect(observe(ended(), seen).files.map((file) => file.path)).toEqual([path, key])
  })

  it('that were given up are looked for when they turn up in the bucket', () => {
    const file = {
      ...onlyFile(ended()),
      state: 'missing' as const,
      pause: paused('missing', 9, neverMs),
    }
    const object = { key: path, etag: 'e', sizeBytes: 1, lastModifiedMs: endMs }
    expect(awakened(file, [object])).toMatchObject({ state: 'expected', pause: noPause })
    expect(awakened(file, [{ ...object, key: 'temp/other.mp4' }])).toBe(file)
  })

  it('are pulled from a backup once, however often LiveKit names it', () => {
    const backupUrl = 'https://backup.example/?X-Amz-Signature=s'
    const state = ended([{ ...uploadedFile, backupUrl }])
    expect(hasBackup(state, onlyFile(state))).toBe(true)
    const pulled = withFile(state, {
      ...done,
      source: sourceOf({ etag: 'backup' }),
      overwritten: true,
    })
    const second = settle(pulled).files[1]
    if (second === undefined) throw new Error('there is no second work')
    expect(hasBackup(pulled, second)).toBe(false)
  })
})

describe('a look at the file', () => {
  const state = ended()
  const file = onlyFile(state)

  it('takes it when it is what LiveKit said', () => {
    expect(afterFound(state, file, sourceOf(), nowMs)).toMatchObject({ state: 'in_temp' })
  })

  it.each([
    [0, 'empty-file'],
    [999, 'size-mismatch'],
  ])('of %d bytes instead is repeated once, and then left to a person', (sizeBytes, code) => {
    const first = afterFound(state, file, sourceOf({ sizeBytes }), nowMs)
    expect([first.state, first.pause.fault]).toEqual(['expected', null])
    const second = afterFound(state, first, sourceOf({ sizeBytes }), nowMs)
    expect([second.state, second.pause.fault?.code]).toEqual(['quarantined', code])
    const grown = afterFound(state, first, sourceOf(), nowMs)
    expect([grown.state, grown.doubt]).toEqual(['in_temp', null])
  })

  it('that finds the object of an earlier run again, or one from before the egress, finds nothing', () => {
    const two = settle(withFile(state, { ...done, overwritten: true }))
    const [, second] = two.files
    if (second === undefined) throw new Error('there is no second work')
    expect(afterFound(two, second, sourceOf(), nowMs).state).toBe('absent')
    const old = sourceOf({ etag: 'e0', lastModifiedMs: startMs - 3_600_000 })
    expect(afterFound(two, second, old, nowMs).state).toBe('absent')
    // A store that does not say when it was written has not said that it is old.
    const undated = sourceOf({ etag: 'e0', lastModifiedMs: 0 })
    expect(afterFound(two, second, undated, nowMs).state).toBe('in_temp')
  })

  it('that finds nothing is repeated with growing pauses, and then a person is told', () => {
    let now = file
    const pausesMs: number[] = []
    for (let atMs = nowMs; now.state === 'expected'; atMs = Math.max(now.pause.untilMs, atMs)) {
      now = afterNotFound(state, now, settings, atMs)
      if (now.state === 'expected') pausesMs.push(now.pause.untilMs - atMs)
    }
    expect(pausesMs.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
    expect(pausesMs.length).toBeLessThan(25)
    expect(now).toMatchObject({ state: 'missing', pause: { fault: { code: 'missing' } } })
    const days = afterNotFound(state, now, settings, nowMs + 4 * 24 * 3_600_000)
    expect(days.pause.untilMs).toBe(neverMs)
  })

  it('for a manifest, or for what nobody promised, is soon given up without a word', () => {
    const courtesy = { ...file, optional: true }
    const manifest = { ...courtesy, kind: 'manifest' as const }
    expect(afterNotFound(state, manifest, settings, nowMs).state).toBe('absent')
    let now: FileWork = courtesy
    for (let look = 0; look < 3; look += 1) {
      now = afterNotFound(state, now, settings, nowMs)
      expect(now.state).toBe('expected')
    }
    expect(afterNotFound(state, now, settings, nowMs)).toMatchObject({
      state: 'absent',
      pause: noPause,
    })
  })
})

describe('a name', () => {
  it('that is taken gives way to the next one in the same folder', () => {
    const state = ended()
    expect(renamed(state, onlyFile(state)).name).toBe('video-2.mp4')
    const inRun = withFile(state, { name: 'run-2/index.m3u8' })
    expect(renamed(inRun, onlyFile(inRun)).name).toBe('run-2/index-2.m3u8')
  })

  it.each([
    ['../../recordings/EG_other/video.mp4', 'unsafe-key'],
    ['recordings/EG_other/video.mp4', null],
  ])('%s never leads into the final folder', (name, refused) => {
    const state = ended([output({ path: name, located: true })])
    const candidates = candidateKeys(state, name, settings)
    if ('refused' in candidates) expect(candidates.refused.code).toBe(refused)
    else expect(candidates.keys.filter((key) => !key.startsWith('temp/'))).toEqual([])
  })
})

describe('a pause', () => {
  const fault = { code: 'store-outage', message: 'down' }
  it('grows with each failure, up to ten minutes, and never ends before half of its time', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempts, random) => {
          const pause = pauseAfter({ ...noPause, attempts }, fault, nowMs, random)
          const longest = Math.min(1_000 * 2 ** Math.min(attempts, 20), 600_000)
          expect(pause.attempts).toBe(attempts + 1)
          expect(pause.untilMs - nowMs).toBeGreaterThanOrEqual(longest / 2 - 1)
          expect(pause.untilMs - nowMs).toBeLessThanOrEqual(longest)
        },
      ),
    )
  })
})
