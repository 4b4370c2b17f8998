// What the platform calls: requests, the cron, and the object classes.
import { app } from './app.ts'
import { readConfig } from './config.ts'
import { logError, messageOf } from './log.ts'
import { sweep } from './reconcile/sweep.ts'

export { CounterObject } from './objects/counter-object.ts'
export { RecordingObject } from './objects/recording-object.ts'
export { RegistryObject } from './objects/registry-object.ts'
export { RoomObject } from './objects/room-object.ts'
export { StartObject } from './objects/start-object.ts'

export default {
  fetch: app.fetch,
  async scheduled(_controller, env): Promise<void> {
    try {
      await sweep(env, readConfig(env), 'cron')
    } catch (error) {
      // Told, and left to the next run: a sweep that fails has lost nothing.
      logError('sweep.failed', { what: 'run', error: messageOf(error) })
    }
  },
} satisfies ExportedHandler<Env>
