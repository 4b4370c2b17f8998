// The demo's chaos and its report: chaos must be repeatable, must break something, and must leave something to heal from.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chaoticPlan, smoothPlan } from '../../scripts/demo/plan.ts'
import type { Act } from '../../scripts/demo/plan.ts'
import { suppliers, timelineLines } from '../../scripts/demo/timeline.ts'
import type { TimelineItem } from '../../scripts/demo/timeline.ts'

const seeds = fc.integer({ min: 0, max: 1_000_000 })

function webhooksIn(acts: Act[]): number[] {
  return acts.flatMap((act) => (act.do === 'send' ? [act.webhook] : []))
}

describe('a chaotic plan', () => {
  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(chaoticPlan(seed)).toEqual(chaoticPlan(seed))
      }),
    )
    expect(chaoticPlan(1)).not.toEqual(chaoticPlan(2))
  })

  it('always loses or delays a webhook and always delivers one', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { acts, fates } = chaoticPlan(seed)
        const delivered = new Set(webhooksIn(acts))
        expect(delivered.size).toBeGreaterThan(0)
        expect(delivered.size).toBeLessThan(4)
        for (const [webhook, fate] of Object.entries(fates)) {
          const isDelivered = fate === 'delivered' || fate === 'doubled'
          expect(delivered.has(Number(webhook))).toBe(isDelivered)
        }
      }),
    )
  })

  it('never lets LiveKit tell of the end before the file is in the bucket', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { acts } = chaoticPlan(seed)
        const uploaded = acts.findIndex((act) => act.do === 'upload')
        expect(uploaded).toBeGreaterThanOrEqual(0)
        expect(webhooksIn(acts.slice(0, uploaded))).not.toContain(3)
      }),
    )
  })

  it('lets LiveKit forget only what it did not tell', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { livekitForgets, acts } = chaoticPlan(seed)
        if (livekitForgets) expect(webhooksIn(acts)).not.toContain(3)
      }),
    )
  })

  it('shows every kind of chaos within a hundred seeds', () => {
    const plans = Array.from({ length: 100 }, (_, seed) => chaoticPlan(seed))
    const fates = new Set(plans.flatMap((plan) => Object.values(plan.fates)))
    expect(fates).toEqual(new Set(['delivered', 'doubled', 'lost', 'late']))
    expect(plans.some((plan) => plan.livekitForgets)).toBe(true)
    const isReordered = plans.some(({ acts }) => {
      const sent = webhooksIn(acts)
      return sent.toString() !== sent.toSorted((a, b) => a - b).toString()
    })
    expect(isReordered).toBe(true)
  })
})

it('without chaos every webhook arrives once, in order, the file before the last', () => {
  const { acts } = smoothPlan()
  expect(webhooksIn(acts)).toEqual([0, 1, 2, 3])
  expect(acts.findIndex((act) => act.do === 'upload')).toBe(3)
})

describe('the timeline for a reader', () => {
  const items: TimelineItem[] = [
    {
      at: '2026-01-01T00:00:00.000Z',
      source: 'webhook',
      type: 'egress_started',
      detail: {
        status: 'EGRESS_STARTING',
        roomName: 'standup',
        outputs: [{ kind: 'video', path: 'temp/EG_1/video.mp4' }],
      },
    },
    {
      at: '2026-01-01T00:00:02.500Z',
      source: 'livekit',
      type: 'list',
      detail: {
        status: 'EGRESS_COMPLETE',
        outputs: [{ kind: 'video', path: 'temp/EG_1/video.mp4', sizeBytes: 1234 }],
      },
    },
    {
      at: '2026-01-01T00:00:03.000Z',
      source: 'roomtape',
      type: 'status.changed',
      detail: { from: null, to: 'ready' },
    },
  ]

  it('says in one line each when, who, what, and the detail that matters', () => {
    expect(timelineLines(items)).toEqual([
      '  0.00 s  webhook   egress_started      EGRESS_STARTING  temp/EG_1/video.mp4',
      '  2.50 s  livekit   list                EGRESS_COMPLETE  temp/EG_1/video.mp4  1,234 bytes',
      '  3.00 s  roomtape  status.changed      nothing → ready',
    ])
  })

  it('names the witness that was the first to tell, and none for what nobody told', () => {
    const found = Object.fromEntries(suppliers(items).map(({ what, source }) => [what, source]))
    expect(found).toEqual({
      'the room’s name': 'webhook',
      'the file’s name': 'webhook',
      'that it ended': 'livekit',
      'the file’s size': 'livekit',
    })
  })
})
