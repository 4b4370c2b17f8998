// What a history has to come to when nothing fails, by its shape alone. The storm is measured by the calm, so a mistake that
// is made in both would be seen by nobody; nothing here asks the code that decides. What people wanted of a recording is
// judged elsewhere.
import { isDeepStrictEqual } from 'node:util'
import type { Life, Shape } from './history.ts'
import { endStates } from './invariants.ts'
import type { EndState } from './invariants.ts'
import type { Aftermath } from './simulation.ts'
import { Broken } from './world.ts'

type Fate = Pick<EndState, 'status' | 'partial' | 'limitReached' | 'attention'>

const ready: Fate = { status: 'ready', partial: false, limitReached: false, attention: null }
const failed: Fate = { ...ready, status: 'failed' }
const partial: Fate = { ...ready, partial: true }

const fates: Record<Shape, Fate> = {
  complete: ready,
  'limit-reached': { ...ready, limitReached: true },
  'failed-with-file': partial,
  'failed-without-file': failed,
  'failed-file-not-told': partial,
  aborted: { ...ready, status: 'aborted' },
  'complete-then-failed': ready,
  'process-died': failed,
  'second-run': { ...ready, attention: 'duplicate-run' },
  retried: ready,
  'retried-with-two-files': ready,
  'silent-with-file': ready,
  zombie: { ...ready, status: 'lost' },
  'empty-file': { ...failed, attention: 'empty-file' },
  'other-size': { ...failed, attention: 'size-mismatch' },
  'never-uploaded': { ...failed, attention: 'missing' },
  segments: ready,
  'segments-and-file': ready,
}
/** Their files are not what LiveKit promised, and stay where they are. */
const kept = new Set<Shape>(['empty-file', 'other-size'])

/** @throws {Broken} when a recording did not come to what its history has to come to in calm */
export function checkCalm(calm: Aftermath): void {
  const ends = endStates(calm)
  for (const life of calm.history.lives) {
    if (calm.granted.isOver(life.egressId, Infinity)) continue
    // Overwritten, or deleted by a store that cannot be told otherwise, in the moment between two looks: also in calm.
    if (life.uploads.some(({ content }) => calm.bucket.forgiven.has(content.content))) continue
    const end = ends.get(life.egressId)
    // LiveKit's word is no outcome: whatever it was, the rest has to be so.
    const expected = isUnnamed(life)
      ? { ...end, ...fates.zombie, finals: [] }
      : { ...end, ...fateOf(life), finals: contentsOf(life) }
    if (end === undefined || !isDeepStrictEqual(toldApart(end, calm, life), expected)) {
      const told = `${life.egressId} (${life.shape}): ${JSON.stringify(end)}`
      throw new Broken('calm ends as it must', `${told} is not ${JSON.stringify(expected)}`)
    }
  }
}

/** Without ETags nobody can tell that the same was sent again: it may be kept twice, as another run. */
function toldApart(end: EndState, { conditions }: Aftermath, life: Life): EndState {
  const isUntold = conditions.store.hasNoEtags && isSentTwice(life)
  if (!isUntold || end.attention !== 'duplicate-run') return end
  return { ...end, attention: null, finals: [...new Set(end.finals)] }
}

/** LiveKit fell silent before it told the name of the file, and neither its folder nor its metadata say whose it is. */
function isUnnamed({ egressId, shape, told, uploads, metadata }: Life): boolean {
  const isNamed = told.some(({ facts }) =>
    facts.outputs?.some((output) => uploads.some(({ path }) => path === output.path)),
  )
  const isOfFolder = uploads.some(({ key }) => key.includes(`/${egressId}/`))
  const isMarked = metadata['egress-id'] === egressId
  return shape === 'silent-with-file' && !isNamed && !isOfFolder && !isMarked
}

function isSentTwice({ uploads }: Life): boolean {
  return new Set(uploads.map(({ content }) => content.content)).size < uploads.length
}

function fateOf(life: Life): Fate {
  const fate = fates[life.shape]
  return lacksSegments(life) ? { ...fate, attention: 'missing-segments' } : fate
}

function lacksSegments({ uploads }: Life): boolean {
  const names = uploads.flatMap(({ key }) => key.split('/').slice(-1))
  const list = uploads.find(({ role }) => role === 'playlist')?.content.text ?? ''
  return list.split('\n').some((line) => line.endsWith('.ts') && !names.includes(line))
}

/** Names of the bytes that belong into the final folder. */
function contentsOf({ shape, uploads }: Life): string[] {
  if (kept.has(shape)) return []
  const media = uploads.filter(({ role }) => role !== 'manifest')
  return [...new Set(media.map(({ content }) => content.content))].toSorted()
}
