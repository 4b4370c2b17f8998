// The real outside worlds of a recording's object: the store, LiveKit, the catalogue, the registry, the clock.
import { CatalogueRecordings } from '../catalog/recordings.ts'
import { readConfig } from '../config.ts'
import { livekitBackup } from '../livekit/backup.ts'
import { LiveKitEgress } from '../livekit/egress.ts'
import { messageOf } from '../log.ts'
import { Trouble } from '../recording/ports.ts'
import { startNameOf } from '../recording/start.ts'
import { S3 } from '../storage/s3.ts'
import type { Ports } from './outcome.ts'
import { registryName } from './registry-object.ts'
import { settingsOf } from './settings.ts'

export function worldsOf(env: Env): Ports {
  const config = readConfig(env)
  return {
    store: new S3(config.storage),
    livekit: new LiveKitEgress(config.livekit),
    starts: {
      claim: async (startId, egressId) =>
        orTrouble('start-unavailable', async () =>
          env.START.getByName(startNameOf(startId)).claim(startId, egressId),
        ),
    },
    backup: livekitBackup,
    catalogue: new CatalogueRecordings(env.DB),
    registry: {
      put: async (egressId, isOpen) =>
        orTrouble('registry-unavailable', async () =>
          env.REGISTRY.getByName(registryName).put(egressId, isOpen),
        ),
    },
    clock: { nowMs: () => Date.now(), random: () => Math.random() },
    settings: settingsOf(config),
  }
}

/** Whatever keeps another object from answering passes. */
async function orTrouble<T>(code: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new Trouble(code, messageOf(cause), { cause })
  }
}
