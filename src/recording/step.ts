// What can be done next for a recording, and when. Types alone: lifecycle.ts decides, src/objects performs.
import type { FolderStep } from './folders.ts'
import type { Conclusion } from './state.ts'

/** `check`: the final object is looked at. `begin`, `part`, `complete`: a copy in parts. `abort`: an upload that was given up is told so. */
export type FileStep =
  | 'locate'
  | 'copy'
  | 'begin'
  | 'part'
  | 'complete'
  | 'verify'
  | 'remove'
  | 'abort'
  | 'pull'
  | 'check'

export type Step =
  | { do: 'register'; isOpen: boolean }
  | { do: 'publish' }
  | { do: FileStep; name: string }
  | { do: FolderStep; path: string; run: number }
  | { do: 'claim-start'; startId: string }
  | { do: 'stop' }
  | { do: 'erase' }
  | { do: 'expire'; expiresAtMs: number }
  | { do: 'look-up' }
  | { do: 'probe' }
  | { do: 'conclude'; as: Conclusion['as'] }
  | { do: 'wait'; untilMs: number }
  | { do: 'rest' }

/** A step, and when it is due. */
export interface Due {
  step: Step
  atMs: number
}
