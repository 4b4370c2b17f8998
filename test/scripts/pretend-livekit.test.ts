// The demo's LiveKit, asked as the Worker asks it: from its answers `/readyz` is green, and a chaotic demo heals.
import { expect, it, onTestFinished } from 'vitest'
import { PretendLiveKit } from '../../scripts/demo/pretend-livekit.ts'
import { LiveKitEgress } from '../../src/livekit/egress.ts'
import { config } from '../livekit/config.ts'

it('the demo’s LiveKit tells of its egress once it knows it, and of none before', async () => {
  const egressId = 'EG_demo'
  const recorded = {
    egressId,
    roomName: 'demo',
    filename: `temp/${egressId}/recording.mp4`,
    sizeBytes: 7,
    startedAtMs: 1_000,
    endedAtMs: 10_000,
  }
  const livekit = new PretendLiveKit(config(), recorded)
  onTestFinished(() => livekit.close())
  const asked: string[] = []
  const port = await livekit.listen(0, (id) => asked.push(id))
  const worker = new LiveKitEgress(config({ livekitUrl: `ws://127.0.0.1:${port}` }).livekit)

  expect(await worker.egress(egressId)).toBeNull()
  livekit.knows(3)
  expect(await worker.egress(egressId)).toMatchObject({ status: 'EGRESS_COMPLETE' })
  const { egresses } = await worker.list({ pageToken: null })
  expect(egresses.map((egress) => egress.egressId)).toEqual([egressId])
  expect(asked).toEqual([egressId, egressId])
})
