// Counts one thing exactly: the plays of a capped link, the webhooks that belong to no egress. A counter that is read,
// raised and written by a Worker loses counts under load; an object cannot.
import { DurableObject } from 'cloudflare:workers'

const key = 'count'
const lastKey = 'lastAtMs'

export class CounterObject extends DurableObject<Env> {
  /** Counts one more, unless the limit is reached. */
  async add(limit: number | null): Promise<{ isWithin: boolean; count: number }> {
    const count = this.#count()
    if (limit !== null && count >= limit) return { isWithin: false, count }
    this.ctx.storage.kv.put(key, count + 1)
    this.ctx.storage.kv.put(lastKey, Date.now())
    return { isWithin: true, count: count + 1 }
  }

  /** True when something was counted within this time. */
  async isRecent(withinMs: number): Promise<boolean> {
    const lastAtMs = this.ctx.storage.kv.get<number>(lastKey)
    return lastAtMs !== undefined && Date.now() - lastAtMs < withinMs
  }

  async read(): Promise<number> {
    return this.#count()
  }

  #count(): number {
    return this.ctx.storage.kv.get<number>(key) ?? 0
  }
}
