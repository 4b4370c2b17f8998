// Counts one thing exactly: the plays of a capped link, the webhooks that belong to no egress. A counter that is read,
// raised and written by a Worker loses counts under load; an object cannot.
import { DurableObject } from 'cloudflare:workers'

const key = 'count'
const lastKey = 'lastAtMs'
/** Probes that were counted and whose play has not come yet: when each was. */
const probesKey = 'probesAtMs'
/** A player's first real request follows its probe at once; on a slow line within this time. */
const afterProbeMs = 30_000

export class CounterObject extends DurableObject<Env> {
  /** Counts one more, unless the limit is reached. */
  async add(limit: number | null): Promise<{ isWithin: boolean; count: number }> {
    const isWithin = this.#add(limit)
    return { isWithin, count: this.#count() }
  }

  /**
   * Counts a play of a link that has a limit. `more` is free while a play was counted within `lifeMs`; a `probe` counts,
   * and the play that follows it does not.
   * @returns whether it is allowed
   */
  async play(asked: {
    limit: number
    kind: 'new' | 'probe' | 'more'
    lifeMs: number
  }): Promise<boolean> {
    const nowMs = Date.now()
    const lastAtMs = this.ctx.storage.kv.get<number>(lastKey)
    const isGoingOn = lastAtMs !== undefined && nowMs - lastAtMs < asked.lifeMs
    if (asked.kind === 'more' && isGoingOn) return true
    const probes = (this.ctx.storage.kv.get<number[]>(probesKey) ?? []).filter(
      (atMs) => nowMs - atMs < afterProbeMs,
    )
    if (asked.kind === 'new' && probes.length > 0) {
      this.ctx.storage.kv.put(probesKey, probes.slice(1))
      return true
    }
    if (!this.#add(asked.limit)) return false
    if (asked.kind === 'probe') this.ctx.storage.kv.put(probesKey, [...probes, nowMs])
    return true
  }

  async read(): Promise<number> {
    return this.#count()
  }

  #add(limit: number | null): boolean {
    const count = this.#count()
    if (limit !== null && count >= limit) return false
    this.ctx.storage.kv.put(key, count + 1)
    this.ctx.storage.kv.put(lastKey, Date.now())
    return true
  }

  #count(): number {
    return this.ctx.storage.kv.get<number>(key) ?? 0
  }
}
