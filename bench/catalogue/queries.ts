// What people ask of a catalogue: each filter, each order, and combinations of them.
import { noFilter } from '../../src/catalog/filter.ts'
import type { Filter } from '../../src/catalog/filter.ts'
import type { Sort } from '../../src/catalog/order.ts'
import { roomName } from './shape.ts'

export interface Query extends Filter {
  sort: Sort
}

const all: Query = { ...noFilter, sort: '-startedAt' }

const hourMs = 3_600_000

export const queries: Record<string, Query> = Object.fromEntries(
  Object.entries<Partial<Query>>({
    everything: {},
    'sort=startedAt': { sort: 'startedAt' },
    'room (the largest)': { roomName: roomName(1) },
    'room (a small one)': { roomName: roomName(3_000) },
    'status=ready': { statuses: ['ready'] },
    'status=failed': { statuses: ['failed'] },
    'status=active': { statuses: ['active'] },
    'status=deleted': { statuses: ['deleted'] },
    'kind=track': { kind: 'track' },
    'from, to: a month': { fromMs: Date.parse('2025-06-01'), toMs: Date.parse('2025-07-01') },
    'minDurationMs: an hour': { minDurationMs: hourMs },
    'minDurationMs, maxDurationMs': { minDurationMs: hourMs / 2, maxDurationMs: hourMs * 0.75 },
    'q, a rare word': { text: 'zeppelin' },
    'q, a common word': { text: 'standup' },
    'q, one letter': { text: 's' },
    'q, two common words': { text: 'weekly bud' },
    'q, Chinese': { text: '客户' },
    'q, nothing has it': { text: 'xylophone' },
    'metadata, rare': { metadata: [['customer', 'customer-15000']] },
    'metadata, common': { metadata: [['plan', 'team']] },
    'attention=true': { attention: true },
    'room and status=failed': { roomName: roomName(1), statuses: ['failed'] },
    'kind, metadata and q': { kind: 'track', metadata: [['plan', 'enterprise']], text: 'budget' },
    'sort=-sizeBytes': { sort: '-sizeBytes' },
    'sort=-durationMs': { sort: '-durationMs' },
    'sort=-sizeBytes, room': { sort: '-sizeBytes', roomName: roomName(1) },
    'sort=-durationMs, minDurationMs': { sort: '-durationMs', minDurationMs: hourMs },
    'sort=-sizeBytes, kind=track': { sort: '-sizeBytes', kind: 'track' },
    'sort=-sizeBytes, q rare': { sort: '-sizeBytes', text: 'zeppelin' },
  }).map(([name, query]) => [name, { ...all, ...query }]),
)
