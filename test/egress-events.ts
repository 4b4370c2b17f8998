// Webhook bodies and signatures as livekit-server makes them (livekit.md §1, §2), for tests and for the demo: protojson
// with int64 as strings, a JWT over the SHA-256 of the exact bytes.
import { AccessToken } from 'livekit-server-sdk'

export interface Recorded {
  egressId: string
  roomName: string
  /** LiveKit's file name: the path in the bucket. */
  filename: string
  sizeBytes: number
  startedAtMs: number
  endedAtMs: number
}

export type EgressEventName = 'egress_started' | 'egress_updated' | 'egress_ended'

/** An egress event with its EgressInfo; `more` replaces or adds fields of the EgressInfo. */
export function egressEvent(
  name: EgressEventName,
  status: string,
  recorded: Recorded,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const { egressId, roomName, filename, startedAtMs } = recorded
  const isEnded = name === 'egress_ended'
  const updatedAtMs = isEnded ? recorded.endedAtMs : startedAtMs + order(status)
  return {
    event: name,
    room: { sid: 'RM_test', name: roomName },
    egressInfo: {
      egressId,
      roomId: 'RM_test',
      roomName,
      ...(status === 'EGRESS_STARTING' ? {} : { status }),
      startedAt: nanos(startedAtMs),
      updatedAt: nanos(updatedAtMs),
      ...(isEnded ? { endedAt: nanos(recorded.endedAtMs) } : {}),
      roomComposite: {
        roomName,
        layout: 'grid',
        fileOutputs: [{ fileType: 'MP4', filepath: filename }],
      },
      fileResults: [isEnded ? uploaded(recorded) : { filename }],
      ...more,
    },
    id: `EV_${crypto.randomUUID()}`,
    createdAt: String(Math.floor(updatedAtMs / 1000)),
  }
}

/** FileInfo of an uploaded file. */
export function uploaded({
  filename,
  sizeBytes,
  startedAtMs,
  endedAtMs,
}: Recorded): Record<string, string> {
  return {
    filename,
    startedAt: nanos(startedAtMs),
    endedAt: nanos(endedAtMs),
    duration: nanos(endedAtMs - startedAtMs),
    size: String(sizeBytes),
    location: `https://store.example/recordings/${filename}`,
  }
}

/** The life of a recording that goes well, in LiveKit's order. */
export function wholeLife(recorded: Recorded): Record<string, unknown>[] {
  return [
    egressEvent('egress_started', 'EGRESS_STARTING', recorded),
    egressEvent('egress_updated', 'EGRESS_ACTIVE', recorded),
    egressEvent('egress_updated', 'EGRESS_ENDING', recorded),
    egressEvent('egress_ended', 'EGRESS_COMPLETE', recorded),
  ]
}

/** Body and headers of the request that LiveKit makes. */
export async function signed(
  event: unknown,
  apiKey: string,
  apiSecret: string,
): Promise<{ body: string; headers: Record<string, string> }> {
  const body = JSON.stringify(event)
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body))
  const token = new AccessToken(apiKey, apiSecret, { ttl: '5m' })
  token.sha256 = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return {
    body,
    headers: {
      authorization: await token.toJwt(),
      'content-type': 'application/webhook+json',
      'user-agent': 'LiveKit',
    },
  }
}

function nanos(ms: number): string {
  return `${ms}000000`
}

function order(status: string): number {
  return status === 'EGRESS_STARTING' ? 0 : status === 'EGRESS_ACTIVE' ? 1_000 : 2_000
}
