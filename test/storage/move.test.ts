// The move against every kind of store, without a Worker: the same functions, and the same loop of steps that the object
// runs, interrupted at every single request in every way. Exists because no real store can be made to misbehave in all of
// these ways at all of these moments.
import { describe, expect, it } from 'vitest'
import { work } from '../../src/objects/work.ts'
import type { Memory } from '../../src/objects/work.ts'
import { observe } from '../../src/recording/lifecycle.ts'
import { Trouble } from '../../src/recording/ports.ts'
import { mainFile, toRecording } from '../../src/recording/recording.ts'
import type { Recording } from '../../src/recording/recording.ts'
import { newState } from '../../src/recording/state.ts'
import type { RecordingState } from '../../src/recording/state.ts'
import { copy, locate, removeTemp, verify } from '../../src/storage/move.ts'
import type { Move } from '../../src/storage/move.ts'
import { output, path, settings, startMs, webhook } from '../recording/evidence.ts'
import { MemoryStore, storeKinds } from './memory-store.ts'
import type { Around, StoreKind } from './memory-store.ts'

const finalKey = 'recordings/EG_test/video.mp4'
const [first, second] = ['bytes of the first run', 'bytes of the other run']

function nameOf({ guardsDestination, keepsConditions, etags }: StoreKind): string {
  const guards = guardsDestination ? 'guards' : 'no guards'
  return `${guards}, ${keepsConditions ? 'conditions' : 'no conditions'}, ETags: ${etags}`
}

async function moveOf(store: MemoryStore): Promise<Move> {
  const source = await locate(store, [path])
  if (source === null) throw new Error('there is nothing to move')
  return {
    egressId: 'EG_test',
    source,
    finalKey,
    contentType: 'video/mp4',
    downloadName: 'standup.mp4',
    wasAsked: false,
  }
}

describe.each(storeKinds.map((kind) => ({ name: nameOf(kind), kind })))('$name', ({ kind }) => {
  it('copies, verifies and removes', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    const move = await moveOf(store)
    expect(await copy(store, move)).toBe('copied')
    expect(await verify(store, move)).toMatchObject({ outcome: 'verified' })
    expect(await removeTemp(store, move.source, 'temp/')).toBe('removed')
    expect([store.bytesAt(finalKey), store.keysUnder('temp/')]).toEqual([first, []])
  })

  it('S2: each step may be done twice, and the copy is made once', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    const move = await moveOf(store)
    for (const again of [1, 2]) {
      expect(await copy(store, move), `copy ${again}`).toBe('copied')
      expect((await verify(store, move)).outcome, `verify ${again}`).toBe('verified')
    }
    for (const _ of [1, 2]) expect(await removeTemp(store, move.source, 'temp/')).toBe('removed')
    expect((await verify(store, move)).outcome).toBe('verified')
    expect(store.requests.filter((request) => request.startsWith('DELETE'))).toHaveLength(1)
    expect(store.bytesAt(finalKey)).toBe(first)
  })

  it('S9: never overwrites an object that is not ours', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    store.put(finalKey, second)
    expect(await copy(store, await moveOf(store))).toBe('occupied')
    expect([store.bytesAt(path), store.bytesAt(finalKey)]).toEqual([first, second])
  })

  it('verifies nothing that is missing, or has another size', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    const move = await moveOf(store)
    expect(await verify(store, move)).toEqual({ outcome: 'absent' })
    await copy(store, move)
    store.put(finalKey, 'short')
    expect(await verify(store, move)).toEqual({ outcome: 'different' })
  })

  it('verifies no object that somebody else put in place of the copy, though it has the same size', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    const move = await moveOf(store)
    await copy(store, move)
    store.put(finalKey, second)
    expect(await verify(store, move)).toEqual({ outcome: 'different' })
  })

  it('W21: keeps a temp object that is no longer the one that was copied', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    const move = await moveOf(store)
    await copy(store, move)
    store.put(path, second)
    expect((await verify(store, move)).outcome).toBe('verified')
    expect(await removeTemp(store, move.source, 'temp/')).toBe('changed')
    expect([store.bytesAt(path), store.bytesAt(finalKey)]).toEqual([second, first])
  })

  it('a store that refuses every condition of a DELETE is asked without one, after it has done so three times', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    const move = await moveOf(store)
    await copy(store, move)
    store.refusesDeletes = true
    for (const refusals of [0, 1, 2]) {
      const removal = removeTemp(store, move.source, 'temp/', refusals)
      if (move.source.etag === '') expect(await removal).toBe('removed')
      else await expect(removal).rejects.toMatchObject({ code: 'condition-refused' })
    }
    expect(await removeTemp(store, move.source, 'temp/', 3)).toBe('removed')
    expect(store.keysUnder('temp/')).toEqual([])
  })

  it('another file is never deleted, however often the store has refused', async () => {
    const store = new MemoryStore(kind)
    store.put(path, first)
    const move = await moveOf(store)
    await copy(store, move)
    store.put(path, second)
    expect(await removeTemp(store, move.source, 'temp/', 3)).toBe('changed')
    expect(store.bytesAt(path)).toBe(second)
  })

  it('deletes nothing outside the temp folder', async () => {
    const store = new MemoryStore(kind)
    store.put('elsewhere/video.mp4', first)
    const source = await locate(store, ['elsewhere/video.mp4'])
    if (source === null) throw new Error('it is there')
    expect(await removeTemp(store, source, 'temp/')).toBe('kept')
    expect(store.bytesAt('elsewhere/video.mp4')).toBe(first)
  })
})

/** The process dies: whatever was not committed is forgotten. */
class Death extends Error {}

/** What can happen around one request. */
const interruptions: Record<string, (act: () => void) => void> = {
  'the process dies before it': () => {
    throw new Death()
  },
  'the process dies after it': (act) => {
    act()
    throw new Death()
  },
  'the store is out of order': () => {
    throw new Trouble('store-outage', 'The store answered status 503')
  },
  'its answer is lost': (act) => {
    act()
    throw new Trouble('store-timeout', 'The store did not answer')
  },
}

/** One recording, from the end of its egress until there is nothing left to do, whatever happens around its requests. */
class Life {
  readonly store: MemoryStore
  #state: RecordingState = newState('EG_test')
  #nowMs = startMs + 100_000

  constructor(kind: StoreKind) {
    this.store = new MemoryStore(kind)
  }

  get recording(): Recording | null {
    return toRecording(this.#state)
  }

  /** LiveKit says that a run has ended, so many seconds after the start. */
  ended(afterSeconds: number): void {
    const facts = {
      outputs: [output({ sizeBytes: first.length, durationMs: 60_000, located: true })],
      terminalAtMs: startMs + afterSeconds * 1_000,
    }
    this.#state = observe(this.#state, webhook('EGRESS_COMPLETE', afterSeconds, facts))
  }

  /** Works, dies and comes again until there is nothing to do for an hour. */
  async live(): Promise<void> {
    for (let goes = 0; goes < 100; goes += 1) {
      const nextMs = await this.#go()
      if (nextMs === null || nextMs > this.#nowMs + settings.graceMs) return
      this.#nowMs = Math.max(this.#nowMs, nextMs)
    }
    throw new Error('still at work after a hundred goes')
  }

  async #go(): Promise<number | null> {
    const memory: Memory = {
      state: () => this.#state,
      commit: (state) => {
        this.#state = state
      },
    }
    try {
      return await work(memory, {
        store: this.store,
        livekit: { egress: notPlanned, stop: notPlanned },
        starts: { claim: notPlanned },
        backup: { read: notPlanned },
        catalogue: { put: async () => {} },
        registry: { put: async () => {} },
        clock: { nowMs: () => this.#nowMs, random: () => 0.5 },
        settings,
      })
    } catch (error) {
      if (error instanceof Death) return this.#nowMs + 120_000
      throw error
    }
  }
}

/** Lets something happen around the request with this number, and nothing around the others. */
function at(number: number, happening: Around): Around {
  let count = 0
  return (request, act) => {
    count += 1
    if (count === number) happening(request, act)
    else act()
  }
}

async function requestsOfAMove(kind: StoreKind): Promise<string[]> {
  const life = new Life(kind)
  life.store.put(path, first)
  life.ended(62)
  await life.live()
  return life.store.requests
}

/** No move makes more requests than this, even when one of them has to be made again. */
const mostRequests = 9

describe.each(storeKinds.map((kind) => ({ name: nameOf(kind), kind })))('$name', ({ kind }) => {
  it.each(Object.entries(interruptions))(
    'S1, S2: whichever request it happens at, it ends the same when %s',
    async (_, interrupt) => {
      for (let number = 1; number <= mostRequests; number += 1) {
        const life = new Life(kind)
        life.store.put(path, first)
        life.store.around = at(number, (__, act) => interrupt(act))
        life.ended(62)
        await life.live()
        const { recording, store } = life
        expect(recording, `request ${number}`).toMatchObject({
          status: 'ready',
          attention: null,
          files: [{ name: 'video.mp4', key: finalKey }],
        })
        expect(store.keysUnder('recordings/'), `request ${number}`).toEqual([finalKey])
        expect(store.bytesAt(finalKey), `request ${number}`).toBe(first)
        expect(store.keysUnder('temp/'), `request ${number}`).toEqual([])
      }
    },
  )

  it.each(Object.entries({ nothing: (act: () => void) => act(), ...interruptions }))(
    'W21: whichever request a second run overwrites the file at, the newest plays and what was copied is kept, also when %s',
    async (_, interrupt) => {
      const undisturbed = await requestsOfAMove(kind)
      for (let number = 1; number <= mostRequests; number += 1) {
        for (const moment of ['before', 'after'] as const) {
          const life = new Life(kind)
          const { store } = life
          // The moment between the last look and a DELETE without a condition is nobody's to close.
          const next = undisturbed[moment === 'before' ? number - 1 : number] ?? ''
          if (next.startsWith('DELETE') && !store.deletesConditionally) continue
          let wasCopied = true
          const overwrite = (): void => {
            wasCopied = store.finalKeysOf(first).length > 0
            store.put(path, second)
          }
          store.put(path, first)
          store.around = at(number, (__, act) => {
            if (moment === 'before') overwrite()
            interrupt(() => {
              act()
              if (moment === 'after') overwrite()
            })
          })
          life.ended(62)
          await life.live()
          // It came later than every request of the first move.
          if (store.finalKeysOf(second).length === 0) overwrite()
          store.around = (__, act) => act()
          life.ended(162)
          await life.live()
          const when = `${moment} request ${number}: ${store.requests.join(', ')}`
          expect(life.recording, when).toMatchObject({ status: 'ready' })
          const main = life.recording === null ? null : mainFile(life.recording)
          expect(store.bytesAt(main?.key ?? ''), when).toBe(second)
          expect(store.finalKeysOf(first).length, when).toBe(wasCopied ? 1 : 0)
          expect(store.keysUnder('temp/'), when).toEqual([])
        }
      }
    },
  )
})

async function notPlanned(): Promise<never> {
  throw new Error('a move needs neither LiveKit nor a backup')
}
