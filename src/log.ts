// One JSON line a fact: the event's name (`noun.verb`), the egress id, what a person needs to act. Callers must never
// pass a secret, a body or a signed URL; as a second line the known secret fields are taken out by `livekit/scrub.ts`
// before anything of LiveKit's comes here.

export type LogFields = Record<string, string | number | boolean | null | undefined>

/** Something happened. */
export function logInfo(event: string, fields: LogFields = {}): void {
  console.log(JSON.stringify({ level: 'info', event, ...fields }))
}

/** Something is wrong that a person may have to look at. */
export function logError(event: string, fields: LogFields = {}): void {
  console.error(JSON.stringify({ level: 'error', event, ...fields }))
}

/** The words of an unknown error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
