// Which of LiveKit's four webhooks arrive, how often and when. Pure: a seed gives the same plan for ever, so that whatever
// went wrong can be seen again. The file is in the bucket before LiveKit says so; everything else may be lost or late.

/** LiveKit's webhooks of one recording, in the order in which it sends them. */
export const webhookNames = [
  'egress_started (STARTING)',
  'egress_updated (ACTIVE)',
  'egress_updated (ENDING)',
  'egress_ended (COMPLETE)',
] as const
export type Webhook = 0 | 1 | 2 | 3
const webhooks: Webhook[] = [0, 1, 2, 3]

export type Fate = 'delivered' | 'doubled' | 'lost' | 'late'
export type Act = { do: 'upload' } | { do: 'send'; webhook: Webhook; isRepeat: boolean }

export interface Plan {
  fates: Record<Webhook, Fate>
  /** LiveKit answers that it does not know the egress: only the bucket can tell then. */
  livekitForgets: boolean
  acts: Act[]
  /** What arrives only when the recording is ready. */
  lateActs: Act[]
}

/** When LiveKit sends each webhook; the file is uploaded before the last. The unit does not matter. */
const sentAt = [0, 1, 2, 4]
const uploadedAt = 3
const longestDelay = 6

/** Everything arrives, once and in order. */
export function smoothPlan(): Plan {
  return {
    fates: { 0: 'delivered', 1: 'delivered', 2: 'delivered', 3: 'delivered' },
    livekitForgets: false,
    acts: [firstCopy(0), firstCopy(1), firstCopy(2), { do: 'upload' }, firstCopy(3)],
    lateActs: [],
  }
}

/** Something is lost or late, and something arrives: with nothing at all there is nothing to heal. */
export function chaoticPlan(seed: number): Plan {
  const random = randomOf(seed)
  const fates = chaoticFates(random)
  const isEndTold = fates[3] === 'delivered' || fates[3] === 'doubled'
  const arrivals: { at: number; act: Act }[] = [{ at: uploadedAt, act: { do: 'upload' } }]
  const lateActs: Act[] = []
  for (const webhook of webhooks) {
    const copies = fates[webhook] === 'lost' ? 0 : fates[webhook] === 'doubled' ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      const act: Act = { do: 'send', webhook, isRepeat: copy > 0 }
      if (fates[webhook] === 'late') lateActs.push(act)
      else arrivals.push({ at: (sentAt[webhook] ?? 0) + random() * longestDelay, act })
    }
  }
  const acts = arrivals.toSorted((a, b) => a.at - b.at).map(({ act }) => act)
  return {
    fates,
    livekitForgets: !isEndTold && random() < 0.4,
    acts: firstCopiesFirst(acts),
    lateActs,
  }
}

function firstCopy(webhook: Webhook): Act {
  return { do: 'send', webhook, isRepeat: false }
}

function chaoticFates(random: () => number): Record<Webhook, Fate> {
  for (;;) {
    const fates = {
      0: fateOf(random()),
      1: fateOf(random()),
      2: fateOf(random()),
      3: fateOf(random()),
    }
    const known = Object.values(fates)
    const arrives = known.some((fate) => fate === 'delivered' || fate === 'doubled')
    if (arrives && known.some((fate) => fate === 'lost' || fate === 'late')) return fates
  }
}

function fateOf(chance: number): Fate {
  if (chance < 0.3) return 'delivered'
  if (chance < 0.5) return 'doubled'
  return chance < 0.8 ? 'lost' : 'late'
}

/** Whichever copy arrives first is the webhook, the other one its repeat. */
function firstCopiesFirst(acts: Act[]): Act[] {
  const seen = new Set<Webhook>()
  return acts.map((act) => {
    if (act.do === 'upload') return act
    const isRepeat = seen.has(act.webhook)
    seen.add(act.webhook)
    return { ...act, isRepeat }
  })
}

/** Numbers from 0 to 1 by the seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = Math.trunc(seed)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
