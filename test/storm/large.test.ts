// Recordings and folders as large as they come, in calm weather: what takes minutes over a network takes seconds here, so
// the numbers of the fault table can be taken at their word. The steps, the sweep and the SQL are those of the Worker.
import { describe, expect, it } from 'vitest'
import type { Ports } from '../../src/objects/outcome.ts'
import { noFacts, observation } from '../../src/recording/observation.ts'
import { toRecording } from '../../src/recording/recording.ts'
import { playlistText, segmentNames } from '../egress-files.ts'
import { settings, startMs } from '../recording/evidence.ts'
import { Actor } from './actor.ts'
import { Bucket } from './bucket.ts'
import type { StoreKind } from './bucket.ts'
import { StormDatabase } from './database.ts'
import { PretendLiveKit } from './livekit.ts'
import { asBuilt } from './rules.ts'
import { PretendRegistry, Sweep } from './sweep.ts'
import { calm, World } from './world.ts'

const dayMs = 24 * 3_600_000
const store: StoreKind = {
  guardsDestination: false,
  ignoresConditions: false,
  refusesDeletes: false,
  normalisesKeys: false,
  hasNoEtags: false,
  listsMilliseconds: false,
}

function newWorld(): World {
  return new World({ seed: 1, startMs, weather: calm, calmFromMs: startMs, lines: null })
}

const nothingHappens = { lives: [], endMs: startMs }

describe('S8: an HLS folder with 3,000 segments, one of them missing', () => {
  it('is moved in steps of bounded requests and a state of bounded size; the gap is reported', async () => {
    const world = newWorld()
    const bucket = new Bucket(world, store)
    const folder = 'temp/EG_large/'
    const names = segmentNames(3_000)
    const gap = names[1_234] ?? ''
    for (const name of names.filter((known) => known !== gap)) {
      const content = { content: name, sizeBytes: 400, text: null, isMultipart: false }
      bucket.put(`${folder}${name}`, content, {}, 'video/mp2t')
    }
    const text = playlistText(names)
    const list = { content: 'list', sizeBytes: text.length, text, isMultipart: false }
    bucket.put(`${folder}index.m3u8`, list, {}, 'application/x-mpegurl')

    const ports: Ports = {
      store: bucket,
      livekit: new PretendLiveKit(world, nothingHappens),
      starts: { claim: async () => null },
      backup: { read: async () => Promise.reject(new Error('nothing lies in the backup')) },
      catalogue: { put: async () => {} },
      registry: new PretendRegistry(world),
      clock: { nowMs: () => world.nowMs, random: () => world.random.next() },
      settings: { ...settings, subrequests: 45 },
    }
    const actor = new Actor('EG_large', world, ports, asBuilt)
    actor.observe(
      observation({
        id: 'EV_end',
        source: 'webhook',
        type: 'egress_ended',
        observedAtMs: startMs,
        egress: {
          ...noFacts,
          status: 'EGRESS_COMPLETE',
          updatedAtUs: startMs * 1000,
          terminalAtMs: startMs,
          outputs: [
            {
              kind: 'playlist',
              path: `${folder}index.m3u8`,
              sizeBytes: null,
              durationMs: null,
              folderBytes: 2_999 * 400,
              located: true,
            },
          ],
        },
      }),
    )
    let doneBytes = 0
    while (actor.alarmAtMs !== null && actor.alarmAtMs < startMs + dayMs) {
      world.advanceTo(actor.alarmAtMs)
      const before = world.calls
      await actor.go()
      expect(world.calls - before, 'requests of one go').toBeLessThanOrEqual(45)
      const done = toRecording(actor.state)?.progress?.doneBytes ?? doneBytes
      expect(done).toBeGreaterThanOrEqual(doneBytes)
      doneBytes = done
    }
    const recording = toRecording(actor.state)
    expect(recording).toMatchObject({ status: 'ready', attention: 'missing-segments' })
    expect(recording?.files).toMatchObject([{ name: 'index.m3u8', missing: [gap] }])
    const keys = [...bucket.objects.keys()]
    expect(keys.filter((key) => key.startsWith('temp/'))).toEqual([])
    expect(keys.filter((key) => key.startsWith('recordings/EG_large/seg_'))).toHaveLength(2_999)
    expect(JSON.stringify(actor.state).length, 'bytes of the state').toBeLessThan(10_000)
  }, 60_000)
})

/** Sweeps a folder of so many objects that nobody claims to its end. @returns the requests that it took, run by run */
async function sweptStrays(count: number, subrequests: number): Promise<number[]> {
  const world = newWorld()
  const bucket = new Bucket(world, store)
  for (let index = 0; index < count; index += 1) {
    const content = { content: `stray ${index}`, sizeBytes: 10, text: null, isMultipart: false }
    bucket.put(`temp/stray-${String(index).padStart(6, '0')}.mp4`, content, {}, 'video/mp4')
  }
  world.advanceTo(startMs + dayMs)
  const database = new StormDatabase(world, asBuilt.rewrite)
  const sweep = new Sweep({
    world,
    bucket,
    database,
    livekit: new PretendLiveKit(world, nothingHappens),
    registry: new PretendRegistry(world),
    settings: { ...settings, subrequests },
    objectsPerPage: 1_000,
    observe: () => false,
    wake: () => {},
    answered: () => {},
  })
  const requests: number[] = []
  do {
    const before = world.calls
    await sweep.run()
    requests.push(world.calls - before)
  } while (!sweep.isAtEnd)
  expect(database.orphans()).toHaveLength(count)
  expect([...bucket.objects.keys()]).toHaveLength(count)
  return requests
}

describe('C2: 100,000 objects in the temp folder', () => {
  it('are swept in bounded steps across runs, at a cost that is linear in their number', async () => {
    const sum = (requests: number[]): number => requests.reduce((total, each) => total + each, 0)
    const ofTenThousand = await sweptStrays(10_000, 1_000)
    const ofAll = await sweptStrays(100_000, 1_000)
    expect(ofAll.length, 'runs').toBeGreaterThan(50)
    expect(Math.max(...ofAll), 'requests of one run').toBeLessThanOrEqual(1_000)
    expect(sum(ofAll) / sum(ofTenThousand)).toBeLessThan(10.5)
    // A look at the metadata of each, and little more.
    expect(sum(ofAll)).toBeLessThan(100_000 * 1.05)
  }, 120_000)
})
