// What the platform calls: requests and the object classes.
import { app } from './app.ts'

export { CounterObject } from './objects/counter-object.ts'
export { RecordingObject } from './objects/recording-object.ts'

export default app
