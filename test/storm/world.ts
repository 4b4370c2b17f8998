// Virtual time, what is due in it, and the weather: which call to which outside world fails, and how. A call takes time, and
// what is due in that time happens during the call: so webhooks arrive while a step is under way. No real time passes.
import { Trouble } from '../../src/recording/ports.ts'
import { Random } from './random.ts'

/** The process is gone. Not an error that any code may handle: whoever catches it must let it through. */
export class Crash extends Error {
  constructor() {
    super('the process was killed')
    this.name = 'Crash'
  }
}

/** An invariant that did not hold. */
export class Broken extends Error {
  readonly invariant: string

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`)
    this.name = 'Broken'
    this.invariant = invariant
  }
}

export type Place = 'store' | 'livekit' | 'catalogue' | 'registry' | 'object'

/** Probabilities, for each call or message, as long as the storm lasts. */
export interface Weather {
  /** A webhook is lost with all its retries. */
  loss: number
  /** It comes again, with the same id. */
  repeat: number
  /** LiveKit says the same once more, under another id. */
  restate: number
  /** It comes minutes or hours late. */
  late: number
  /** A call fails and nothing was done. */
  trouble: number
  /** It was done, and the answer is lost. */
  lostAnswer: number
  /** The process dies, before the call was made or after it. */
  crash: number
  /** The platform drops the alarm of an object that crashed. */
  lostAlarm: number
  /** The store says that it copied, and it did not, or a part only. */
  lie: number
  /** LiveKit's Redis answers with nothing. */
  blip: number
  /** A call takes half a minute or more. */
  slow: number
  /** Times without any answer from a place. */
  outages: { place: Place; fromMs: number; toMs: number }[]
}

export const calm: Weather = {
  loss: 0,
  repeat: 0,
  restate: 0,
  late: 0,
  trouble: 0,
  lostAnswer: 0,
  crash: 0,
  lostAlarm: 0,
  lie: 0,
  blip: 0,
  slow: 0,
  outages: [],
}

interface Due {
  atMs: number
  order: number
  happen: () => void
}

/** What befalls one call. */
export type Fate = 'answered' | 'not-done' | 'answer-lost'

export class World {
  nowMs: number
  /** To all outside worlds together. */
  calls = 0
  readonly random: Random
  readonly lines: string[]
  readonly #weather: Weather
  readonly #calmFromMs: number
  readonly #isTraced: boolean
  #queue: Due[] = []
  #order = 0

  constructor(options: {
    seed: number
    startMs: number
    weather: Weather
    calmFromMs: number
    /** Takes the history, line by line; `null` when nobody will read it. */
    lines: string[] | null
  }) {
    this.random = new Random(options.seed)
    this.nowMs = options.startMs
    this.#weather = options.weather
    this.#calmFromMs = options.calmFromMs
    this.#isTraced = options.lines !== null
    this.lines = options.lines ?? []
  }

  /** The weather of this moment. */
  get weather(): Weather {
    return this.nowMs < this.#calmFromMs ? this.#weather : calm
  }

  /** A line of the history; made only when somebody will read it. */
  tell(line: () => string): void {
    if (this.#isTraced) this.lines.push(`${new Date(this.nowMs).toISOString()}  ${line()}`)
  }

  at(atMs: number, happen: () => void): void {
    this.#order += 1
    const due = { atMs, order: this.#order, happen }
    const index = this.#queue.findLastIndex((known) => known.atMs <= atMs)
    this.#queue.splice(index + 1, 0, due)
  }

  get nextDueMs(): number {
    return this.#queue[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  /** Lets time pass, and what is due happen. */
  advanceTo(atMs: number): void {
    for (let due = this.#queue[0]; due !== undefined && due.atMs <= atMs; due = this.#queue[0]) {
      this.#queue.shift()
      this.nowMs = Math.max(this.nowMs, due.atMs)
      due.happen()
    }
    this.nowMs = Math.max(this.nowMs, atMs)
  }

  /** True while a place answers nobody. */
  isOut(place: Place): boolean {
    return this.weather.outages.some(
      (outage) => outage.place === place && outage.fromMs <= this.nowMs && this.nowMs < outage.toMs,
    )
  }

  /** One call to an outside world: time passes, and the weather decides. */
  call(place: Place, what: string): Fate {
    const { weather, random } = this
    this.calls += 1
    this.advanceTo(this.nowMs + (random.chance(weather.slow) ? random.between(20_000, 90_000) : 20))
    if (random.chance(this.weather.crash)) {
      this.tell(() => `CRASH before ${place} ${what}`)
      throw new Crash()
    }
    if (this.isOut(place) || random.chance(this.weather.trouble)) {
      this.tell(() => `${place} fails ${what}`)
      return 'not-done'
    }
    if (random.chance(this.weather.lostAnswer)) {
      this.tell(() => `${place} does ${what}, the answer is lost`)
      return 'answer-lost'
    }
    return 'answered'
  }

  /** After a call was done: the process may die before it hears of it. */
  afterCall(place: Place, what: string): void {
    if (!this.random.chance(this.weather.crash)) return
    this.tell(() => `CRASH after ${place} ${what}`)
    throw new Crash()
  }

  /** A call that does `act`, or does not, or does it and does not say so. */
  outside<T>(place: Place, what: string, act: () => T): T {
    const fate = this.call(place, what)
    if (fate === 'not-done') throw new Trouble(`${place}-outage`, `no answer from the ${place}`)
    const answer = act()
    this.afterCall(place, what)
    if (fate === 'answer-lost') throw new Trouble(`${place}-timeout`, `the ${place} fell silent`)
    return answer
  }
}
