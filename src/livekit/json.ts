// Reads LiveKit's JSON field by field. Webhooks are camelCase with defaults left out, Twirp answers snake_case with
// defaults written (livekit.md §5); integers of 64 bits come as strings, or in manifests as numbers. One odd field must
// never cost the rest of the message, so a value of the wrong kind reads as absent.

export type Json = Record<string, unknown>

/** The object that a text is in JSON; `null` for any other text. */
export function parseObject(body: string): Json | null {
  try {
    const json: unknown = JSON.parse(body)
    return isObject(json) ? json : null
  } catch {
    return null
  }
}

/** The object under either spelling of a name. */
export function child(json: Json, name: string): Json | null {
  const value = field(json, name)
  return isObject(value) ? value : null
}

/** The objects of a list; anything else in it is passed over. */
export function children(json: Json, name: string): Json[] {
  const value = field(json, name)
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** A string that is not empty. */
export function text(json: Json, name: string): string | null {
  const value = field(json, name)
  return typeof value === 'string' && value !== '' ? value : null
}

export function flag(json: Json, name: string): boolean {
  return field(json, name) === true
}

/** A count that is greater than zero: LiveKit writes 0 where it does not know. */
export function count(json: Json, name: string): number | null {
  const integer = int64(field(json, name))
  return integer !== null && integer > 0n && integer <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(integer)
    : null
}

/** Nanoseconds as whole milliseconds; `null` for 0 and for the negative ones that LiveKit sends at times. */
export function nanosAsMs(json: Json, name: string): number | null {
  const nanos = int64(field(json, name))
  return nanos !== null && nanos > 0n ? Number(nanos / 1_000_000n) : null
}

/** Nanoseconds as whole microseconds. */
export function nanosAsUs(json: Json, name: string): number | null {
  const nanos = int64(field(json, name))
  return nanos !== null && nanos > 0n ? Number(nanos / 1_000n) : null
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function int64(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value
  // Nanoseconds of our days are beyond 2^53: as a number they are off by less than a microsecond.
  if (typeof value === 'number') return isInt64(value) ? BigInt(value) : null
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : null
}

function isInt64(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63
}

function field(json: Json, name: string): unknown {
  return json[name] ?? json[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]
}
