// A file that turns up in the bucket after LiveKit went silent: what the recording says of itself on the way to `ready`.
import { expect, it } from 'vitest'
import { evidenceOf, observe, settle } from '../../src/recording/lifecycle.ts'
import { observation } from '../../src/recording/observation.ts'
import { newState } from '../../src/recording/state.ts'
import type { RecordingState } from '../../src/recording/state.ts'
import { status } from '../../src/recording/status.ts'
import { path, startMs, webhook } from './evidence.ts'

function discovered(): RecordingState {
  const atMs = startMs + 100_000
  const found = { key: path, etag: 'etag', sizeBytes: 1000, lastModifiedMs: startMs + 60_000 }
  const seen = observation({
    id: 'object:1',
    source: 'object',
    type: 'object',
    observedAtMs: atMs,
    objects: [found],
  })
  const running = observe(newState('EG_test'), webhook('EGRESS_ACTIVE', 1))
  const state = observe(running, seen)
  const evidence = evidenceOf(state, 'ended')
  return settle({ ...state, conclusion: { as: 'ended', atMs, evidence } })
}

it('a recording whose file was just discovered is never called failed before anyone looked at the file', () => {
  const state = discovered()
  expect(state.files.map((file) => file.state)).toEqual(['expected'])
  expect(status(state)).toBe('processing')
})

it('a discovered file that is gone at the first look leaves the recording failed, not processing for ever', () => {
  const state = discovered()
  const files = state.files.map((file) => ({ ...file, state: 'absent' as const }))
  expect(status({ ...state, files })).toBe('failed')
})
