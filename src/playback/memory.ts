// What an isolate remembers for a short time, so that a viewer who asks again costs nothing. Bounded in number and in age:
// an isolate may live for hours and meet a million links. It must never be the only place that knows anything.

interface Kept<Value> {
  value: Value
  untilMs: number
}

export class Memory<Value> {
  readonly #most: number
  readonly #kept = new Map<string, Kept<Value>>()

  /** @param most how many entries are kept; the oldest go first */
  constructor(most: number) {
    this.#most = most
  }

  get(key: string, nowMs: number): Value | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (nowMs < kept.untilMs) return kept.value
    this.#kept.delete(key)
    return undefined
  }

  set(key: string, value: Value, untilMs: number): void {
    // Set anew, an entry is the youngest.
    this.#kept.delete(key)
    this.#kept.set(key, { value, untilMs })
    if (this.#kept.size <= this.#most) return
    const [oldest] = this.#kept.keys()
    if (oldest !== undefined) this.#kept.delete(oldest)
  }

  forget(key: string): void {
    this.#kept.delete(key)
  }

  clear(): void {
    this.#kept.clear()
  }

  get size(): number {
    return this.#kept.size
  }
}
