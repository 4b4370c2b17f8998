// One file, two names: the key by which the bucket showed it and the path by which LiveKit speaks of it. Two files whose names
// end alike. Pure.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { candidateKeys } from '../../src/recording/files.ts'
import { evidenceOf, observe, settle } from '../../src/recording/lifecycle.ts'
import { factOf, nameFor } from '../../src/recording/named.ts'
import { observation } from '../../src/recording/observation.ts'
import type { Observation } from '../../src/recording/observation.ts'
import { toRecording } from '../../src/recording/recording.ts'
import { newState } from '../../src/recording/state.ts'
import type { FileWork, RecordingState } from '../../src/recording/state.ts'
import { output, settings, startMs, webhook } from './evidence.ts'

const key = 'temp/deep/er/video.mp4'
const fact = { etag: 'a', sizeBytes: 1000, lastModifiedMs: startMs }

function listed(...keys: string[]): Observation {
  const base = { source: 'object', type: 'object', observedAtMs: startMs + 100_000 } as const
  return observation({
    ...base,
    id: `object:${keys.join()}`,
    objects: keys.map((found) => ({ ...fact, key: found })),
  })
}

/** Nobody named a file: the bucket told of one, and it was moved. */
function discovered(sizeBytes = 1000): RecordingState {
  const running = [webhook('EGRESS_STARTING', 0, { outputs: [] }), listed(key)].reduce(
    observe,
    newState('EG_test'),
  )
  const evidence = evidenceOf(running, 'ended')
  const ended = settle({ ...running, conclusion: { as: 'ended', atMs: startMs, evidence } })
  const source = { ...fact, sizeBytes, key, contentType: null, metadata: {} }
  const final = { key: 'recordings/EG_test/video.mp4', etag: 'a', sizeBytes }
  const moved = (file: FileWork): FileWork => ({
    ...file,
    state: 'final',
    source,
    final,
    tempRemoved: true,
  })
  return { ...ended, files: ended.files.map(moved) }
}

const spellings = [
  ['with a doubled slash', 'temp/deep/er//video.mp4'],
  ['with a leading slash', '/temp/deep/er/video.mp4'],
  ['without the prefix of the egress service', 'deep/er/video.mp4'],
  ['by its last name alone', 'video.mp4'],
]

it.each(spellings)(
  'a file that was moved by its key is the one that LiveKit names %s',
  (_, path) => {
    const end = webhook('EGRESS_COMPLETE', 200, {
      outputs: [output({ path, sizeBytes: 1000, located: true, durationMs: 5000 })],
    })
    const state = observe(discovered(), end)
    const promised = state.files.filter(({ optional }) => !optional)
    expect(promised.map((file) => [file.name, file.state])).toEqual([['video.mp4', 'final']])
    expect(toRecording(state)).toMatchObject({ status: 'ready', attention: null, durationMs: 5000 })
    expect(toRecording(state)?.files.map(({ name }) => name)).toEqual(['video.mp4'])
  },
)

it.each(spellings)('its size is held against what LiveKit promised, named %s', (_, path) => {
  const end = webhook('EGRESS_COMPLETE', 200, {
    outputs: [output({ path, sizeBytes: 1001, located: true })],
  })
  const state = observe(discovered(), end)
  expect(toRecording(state)).toMatchObject({ status: 'ready', attention: 'size-mismatch' })
})

it('of two files whose names end alike each is its own', () => {
  const outputs = [
    output({ path: 'video.mp4', sizeBytes: 1, located: true }),
    output({ path: 'takes/video.mp4', sizeBytes: 2, located: true }),
  ]
  const state = [
    webhook('EGRESS_COMPLETE', 60, { outputs }),
    listed('temp/takes/video.mp4', 'temp/video.mp4'),
  ].reduce(observe, newState('EG_test'))
  expect(nameFor(state, 'temp/takes/video.mp4')).toBe('takes/video.mp4')
  expect(nameFor(state, 'temp/video.mp4')).toBe('video.mp4')
  expect(state.files.map((file) => factOf(state, file)?.sizeBytes)).toEqual([1, 2])
})

it('a file in a folder below the one that LiveKit named is another file, and is brought home as well', () => {
  const state = [
    webhook('EGRESS_COMPLETE', 60, { outputs: [output({ path: 'video.mp4', located: true })] }),
    listed('temp/video.mp4', 'temp/other/video.mp4'),
  ].reduce(observe, newState('EG_test'))
  expect(state.files.map(({ path }) => path)).toEqual(['video.mp4', 'temp/other/video.mp4'])
})

it('a prefix of the egress service that nobody told us of is learnt from the bucket', () => {
  const ended = webhook('EGRESS_COMPLETE', 60, {
    outputs: [output({ path: 'a.mp4', located: true })],
  })
  const state = [ended, listed('temp/eu/a.mp4')].reduce(observe, newState('EG_test'))
  expect(state.files.map(({ path }) => path)).toEqual(['a.mp4'])
  expect(candidateKeys(state, 'a.mp4', settings)).toEqual({
    keys: ['temp/a.mp4', 'a.mp4', 'temp/eu/a.mp4'],
  })
})

it('whatever is named and shown, a name stands for itself and a key for one name', () => {
  const names = fc.uniqueArray(
    fc.constantFrom<string[]>(
      'a.mp4',
      'x/a.mp4',
      'x//a.mp4',
      '/x/a.mp4',
      'temp/x/a.mp4',
      'temp/a.mp4',
      'b.mp4',
    ),
  )
  const keys = fc.uniqueArray(
    fc.constantFrom<string[]>(
      'temp/a.mp4',
      'temp/x/a.mp4',
      'temp/y/x/a.mp4',
      'temp/b.mp4',
      'temp/c.mp4',
    ),
  )
  fc.assert(
    fc.property(names, keys, (paths, shown) => {
      const outputs = paths.map((path) => output({ path }))
      const state = [webhook('EGRESS_ACTIVE', 1, { outputs }), listed(...shown)].reduce(
        observe,
        newState('EG_test'),
      )
      for (const path of paths) expect(nameFor(state, path)).toBe(path)
      for (const found of shown) {
        const name = nameFor(state, found)
        expect(name === found || paths.includes(name)).toBe(true)
        expect(nameFor(state, name)).toBe(name)
      }
      // Two objects may not both be what one path means, but in two spellings of one place.
      const unnamed = shown.filter((found) => !paths.includes(found))
      const meant = unnamed
        .map((found) => nameFor(state, found))
        .filter((name) => paths.includes(name))
      expect(new Set(meant).size).toBe(meant.length)
    }),
  )
})
