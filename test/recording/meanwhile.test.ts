// Evidence that arrives while a step waits for an outside world: what the step brings back must not undo it. Runs the
// Worker's own loop against worlds that let something happen during a request.
import { describe, expect, it } from 'vitest'
import type { Ports } from '../../src/objects/outcome.ts'
import { work } from '../../src/objects/work.ts'
import type { Memory } from '../../src/objects/work.ts'
import { isEnded, observe } from '../../src/recording/lifecycle.ts'
import type { Observation } from '../../src/recording/observation.ts'
import type { Store } from '../../src/recording/ports.ts'
import { newState } from '../../src/recording/state.ts'
import type { SourceObject } from '../../src/recording/state.ts'
import { output, path, settings, startMs, uploadedFile, webhook } from './evidence.ts'

const hourMs = 3_600_000

/** A recording's object in memory, with a clock that is set by hand. */
class World {
  nowMs = startMs
  state = newState('EG_test')
  /** What a look into the store finds, and what happens during it. */
  head: (key: string) => SourceObject | null = () => null
  readonly #memory: Memory = {
    state: () => this.state,
    commit: (state) => {
      this.state = state
    },
  }

  hear(said: Observation): void {
    this.state = observe(this.state, said)
  }

  async run(subrequests = settings.subrequests): Promise<number | null> {
    const store: Partial<Store> = { guardsDestination: true, head: async (key) => this.head(key) }
    const ports: Ports = {
      store: store as Store,
      livekit: { egress: async () => null, stop: async () => ({ kind: 'gone' }) },
      starts: { claim: async () => null },
      backup: { read: async () => Promise.reject(new Error('no backup here')) },
      catalogue: { put: async () => undefined },
      registry: { put: async () => undefined },
      clock: { nowMs: () => this.nowMs, random: () => 0 },
      settings: { ...settings, subrequests },
    }
    return work(this.#memory, ports)
  }

  /** Lets time pass until the condition holds. */
  async passUntil(isAsItShouldBe: () => boolean): Promise<void> {
    for (let runs = 0; runs < 100 && !isAsItShouldBe(); runs += 1) {
      const nextMs = await this.run()
      if (nextMs === null) break
      this.nowMs = Math.max(nextMs, this.nowMs)
    }
    expect(isAsItShouldBe()).toBe(true)
  }
}

function completed(second: number): Observation {
  const terminalAtMs = startMs + second * 1000
  return webhook('EGRESS_COMPLETE', second, { outputs: [uploadedFile], terminalAtMs })
}

describe('a promise that LiveKit makes during the last look for a file that nobody had promised', () => {
  it('is kept: the file is looked for on', async () => {
    const world = new World()
    world.hear(webhook('EGRESS_FAILED', 5, { outputs: [output()], terminalAtMs: startMs + 5000 }))
    await world.passUntil(() => world.state.files[0]?.pause.attempts === 3)
    world.head = () => {
      world.head = () => null
      world.hear(completed(1000))
      return null
    }
    world.nowMs = world.state.files[0]?.pause.untilMs ?? 0
    const nextMs = await world.run()
    expect(world.state.files).toMatchObject([{ state: 'expected', optional: false }])
    expect(nextMs).toBeLessThan(world.nowMs + hourMs)
  })
})

describe('the right size of a file, told during the second look at it', () => {
  it('settles the doubt', async () => {
    const world = new World()
    const found = { etag: 'e', sizeBytes: 1000, lastModifiedMs: startMs, metadata: {} }
    const wrongSize = { ...uploadedFile, sizeBytes: 999 }
    world.hear(
      webhook('EGRESS_COMPLETE', 5, { outputs: [wrongSize], terminalAtMs: startMs + 5000 }),
    )
    world.head = (key) => ({ ...found, key, contentType: 'video/mp4' })
    await world.run(5)
    await world.run(5)
    await world.run(5)
    expect(world.state.files).toMatchObject([{ state: 'expected', doubt: 'e:1000:999' }])
    world.nowMs = world.state.files[0]?.pause.untilMs ?? 0
    world.head = (key) => {
      world.hear(completed(6))
      return { ...found, key, contentType: 'video/mp4' }
    }
    await world.run(5)
    expect(world.state.files).toMatchObject([{ state: 'in_temp', pause: { fault: null } }])
  })
})

describe('a sign of life during the look for a file that would end the recording', () => {
  it('keeps it running', async () => {
    const world = new World()
    world.hear(webhook('EGRESS_ACTIVE', 1))
    let isHeard = false
    world.head = (key) => {
      world.hear(webhook('EGRESS_ACTIVE', 20_000))
      isHeard = true
      return {
        key,
        etag: 'e',
        sizeBytes: 1,
        lastModifiedMs: startMs,
        contentType: null,
        metadata: {},
      }
    }
    await world.passUntil(() => isHeard)
    expect(world.state.seen.objects).toHaveProperty([path])
    expect([isEnded(world.state), world.state.conclusion]).toEqual([false, null])
  })
})

describe('a go that takes long', () => {
  it('stops well before the platform cuts it off, and goes on at once', async () => {
    const world = new World()
    world.hear(completed(5))
    let looks = 0
    world.head = () => {
      looks += 1
      world.nowMs += 60_000
      return null
    }
    const before = world.nowMs
    const nextMs = await world.run(10_000)
    expect([looks > 1, nextMs]).toEqual([true, world.nowMs])
    expect(world.nowMs - before).toBeLessThan(5 * 60_000)
  })
})

describe('a folder of ten thousand segments that the sweep tells of, one by one', () => {
  it('leaves a state that fits its row', () => {
    const world = new World()
    for (let number = 0; number < 10_000; number += 1) {
      const key = `temp/EG_test/segment_${String(number).padStart(5, '0')}.ts`
      const object = { key, etag: 'e'.repeat(32), sizeBytes: 1_000_000, lastModifiedMs: startMs }
      const id = `object:${key}`
      const said = { id, source: 'object', type: 'object', observedAtMs: startMs } as const
      world.hear({ ...said, egress: null, objects: [object] })
    }
    expect(JSON.stringify(world.state).length).toBeLessThan(10_000)
  })
})
