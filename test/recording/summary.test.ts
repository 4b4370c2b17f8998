// The timeline in sentences: every kind of entry that the code writes has one.
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { summaryOf } from '../../src/recording/summary.ts'

const folder = `${import.meta.dirname}/../../src/objects`
const source = readdirSync(folder)
  .map((file) => readFileSync(`${folder}/${file}`, 'utf8'))
  .join('\n')
/** Names of entries as they stand in the code: `noun.verb` in quotes. */
const written = new Set(
  [...source.matchAll(/entry\(\s*'([a-z]+\.[a-z-]+)'/g)].map(([, name]) => name ?? ''),
)

describe('a sentence of the timeline', () => {
  it('is there for every kind of entry that the objects write', () => {
    expect(written.size).toBeGreaterThan(10)
    const bare = [...written].filter(
      (type) =>
        summaryOf({ source: 'roomtape', type, detail: {} }) === `${type.replaceAll(/[.-]/g, ' ')}.`,
    )
    expect(bare).toEqual([])
  })

  it('says what a witness said, and of which file', () => {
    const detail = { status: 'EGRESS_COMPLETE', outputs: [{ path: 'temp/a/video.mp4' }] }
    expect(summaryOf({ source: 'webhook', type: 'egress_ended', detail })).toBe(
      'A webhook says: egress_ended EGRESS_COMPLETE, temp/a/video.mp4.',
    )
  })

  it('says what somebody wanted, and by which words an edit changed which field', () => {
    const detail = { id: 'edit:1', title: 'Retro', expiresAtMs: 5 }
    expect(summaryOf({ source: 'api', type: 'recording.edited', detail })).toBe(
      'Somebody changed title, expiresAt.',
    )
  })

  it('says why, in the words of whoever refused', () => {
    const detail = {
      file: 'video.mp4',
      code: 'access-denied',
      message: 'The store answered AccessDenied.',
    }
    expect(summaryOf({ source: 'roomtape', type: 'file.copy-failed', detail })).toBe(
      'file copy failed video.mp4. The store answered AccessDenied.',
    )
  })
})
