// The name of a download: what a person sees in the folder where it lands.
import { expect, it } from 'vitest'
import { downloadName } from '../../src/recording/download-name.ts'
import { observe } from '../../src/recording/lifecycle.ts'
import { newState } from '../../src/recording/state.ts'
import type { FileWork } from '../../src/recording/state.ts'
import { life } from './evidence.ts'

const state = life.reduce(observe, newState('EG_test'))

function named(name: string): string {
  const [file] = state.files
  return downloadName(state, { ...file, name } as FileWork)
}

it('is the room and the time, with the extension of the file', () => {
  expect(named('video.mp4')).toBe('standup 2026-01-01 00.00.mp4')
})

it('has no extension where the file has none, and nothing of its name', () => {
  expect(named('recording')).toBe('standup 2026-01-01 00.00')
})
