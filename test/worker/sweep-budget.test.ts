// C2: a temp folder with more objects than one run can deal with. Each run stays within its requests, counted here at the
// doors of the outside worlds and not by the sweep itself, goes on where the last one stopped, and looks at nothing twice.
import { env } from 'cloudflare:workers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SweepReport } from '../../src/catalog/sweeps.ts'
import { readConfig } from '../../src/config.ts'
import { sweep } from '../../src/reconcile/sweep.ts'
import { letTimeRun, recordedNow, stopTime } from './clock.ts'
import {
  askedOfLiveKit,
  breakStore,
  emptyFolder,
  setLiveKit,
  storeRequests,
  upload,
} from './outside.ts'
import { known, listed, manifestKey, manifestText } from './witness-stories.ts'

const strays = 360
const strayKey = (index: number): string =>
  `tmp/stray-${String(index).padStart(3, '0')}/video-${index}.mp4`

beforeAll(async () => {
  await emptyFolder('tmp/')
  const keys = Array.from({ length: strays }, (_, index) => strayKey(index))
  for (let index = 0; index < strays; index += 6) {
    await Promise.all(keys.slice(index, index + 6).map(async (key) => upload(key, 'stray')))
  }
}, 120_000)
afterAll(async () => emptyFolder('tmp/'), 120_000)
beforeEach(async () => {
  stopTime()
  // As many listings as a folder of thousands needs.
  await breakStore({ method: 'GET', answer: 'short-pages' })
})
afterEach(letTimeRun)

interface Counted {
  env: Env
  /** Queries of D1, each statement of a batch, and calls of objects. */
  calls: () => number
}

/** The same environment, with a counter at every door but those to the store and to LiveKit. */
function counted(): Counted {
  let calls = 0
  const counting = <T extends object>(target: T, isCall: (name: string) => boolean): T =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          if (isCall(String(name))) calls += 1
          return Reflect.apply(value, target, args)
        }
      },
    })
  const namespace = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          const stub = Reflect.apply(value, target, args) as object
          return counting(stub, () => true)
        }
      },
    })
  const database = new Proxy(env.DB, {
    get(target, name) {
      if (name === 'batch') {
        return async (statements: D1PreparedStatement[]) => {
          calls += statements.length
          return target.batch(statements.map(bare))
        }
      }
      if (name === 'prepare') {
        return (sql: string): D1PreparedStatement => statement(target.prepare(sql))
      }
      return Reflect.get(target, name)
    },
  })
  const originals = new WeakMap<object, D1PreparedStatement>()
  const bare = (wrapped: D1PreparedStatement): D1PreparedStatement =>
    originals.get(wrapped) ?? wrapped
  const statement = (original: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = new Proxy(original, {
      get(target, name) {
        if (name === 'bind') {
          return (...values: unknown[]): D1PreparedStatement => statement(target.bind(...values))
        }
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          calls += 1
          return Reflect.apply(value, target, args)
        }
      },
    })
    originals.set(wrapped, original)
    return wrapped
  }
  const DB = database
  const RECORDING = namespace(env.RECORDING)
  const REGISTRY = namespace(env.REGISTRY)
  return { env: { ...env, DB, RECORDING, REGISTRY }, calls: () => calls }
}

/** One run, and the requests that it made, counted outside of it. */
async function run(subrequests: number): Promise<{ report: SweepReport; made: number }> {
  const { env: watched, calls } = counted()
  const storeBefore = (await storeRequests()).length
  const askedBefore = (await askedOfLiveKit()).length
  const report = await sweep(watched, { ...readConfig(env), subrequests }, 'cron')
  if (report === null) throw new Error('another sweep is under way')
  const store = (await storeRequests()).length - storeBefore
  const asked = (await askedOfLiveKit()).length - askedBefore
  return { report, made: calls() + store + asked }
}

describe('C2: hundreds of objects in the temp folder, and few requests for each run', () => {
  it.each([20, 45, 200])(
    'with %i requests a run: none exceeds them, and the report tells the number',
    async (subrequests) => {
      const reports: SweepReport[] = []
      for (let runs = 0; runs < 6; runs += 1) {
        const { report, made } = await run(subrequests)
        expect(made, `run ${runs}`).toBeLessThanOrEqual(subrequests)
        // A removal that finds nothing to do is made all the same; the report never tells less than was made.
        expect(report.subrequests).toBeGreaterThanOrEqual(made)
        expect(report.subrequests).toBeLessThanOrEqual(subrequests)
        expect(report.errors).toEqual([])
        expect(report.orphans, 'a run without progress').toBeGreaterThan(0)
        reports.push(report)
        if (report.cursor === null) break
      }
      const noted = await env.DB.prepare('SELECT count(*) FROM temp_objects').first('count(*)')
      expect(noted).toBe(reports.reduce((sum, report) => sum + report.orphans, 0))
    },
  )

  it('every object is looked at once in a round, and its cost grows with the number of objects', async () => {
    let [seen, orphans, made] = [0, 0, 0]
    for (let runs = 0; runs < 60; runs += 1) {
      const { report, made: ofRun } = await run(200)
      seen += report.seen
      orphans += report.orphans
      made += ofRun
      if (report.cursor === null) break
    }
    expect([seen, orphans]).toEqual([strays, strays])
    // One look at the metadata of each; listings, queries and reports besides.
    expect(made).toBeLessThan(strays * 1.25)

    const again = await run(45)
    expect(again.report).toMatchObject({ seen: strays, orphans: 0, cursor: null })
    // A listing, two queries and a position for each hundred, a handful for the run.
    expect(again.made).toBeLessThan(4 * 4 + 10)
  })

  it('LiveKit’s list takes half of a run at most, so that the folder is swept however long it is', async () => {
    const stories = Array.from({ length: 60 }, () => recordedNow())
    await setLiveKit({ egresses: known(...stories.map((story) => listed(story, 'EGRESS_ACTIVE'))) })
    const { report, made } = await run(45)
    expect(made).toBeLessThanOrEqual(45)
    expect(report.adopted).toBeGreaterThan(10)
    expect(report.orphans).toBeGreaterThan(5)
  })

  it('manifests among them, and objects that are told, are within the number as well', async () => {
    const stories = Array.from({ length: 12 }, () => recordedNow())
    for (const story of stories) {
      await upload(manifestKey(story), manifestText(story), 'application/json')
      await upload(story.filename, '0123456789')
    }
    let adopted = 0
    for (let runs = 0; runs < 4; runs += 1) {
      const { report, made } = await run(45)
      expect(made).toBeLessThanOrEqual(45)
      expect(report.subrequests).toBeGreaterThanOrEqual(made)
      adopted += report.adopted
    }
    // Manifest and file are two objects of one recording, and may be told in two runs.
    expect(adopted).toBeGreaterThanOrEqual(12)
    for (const story of stories) await emptyFolder(`tmp/${story.egressId}/`)
  })
})
