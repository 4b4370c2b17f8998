// A manifest as it lies in the bucket, for whoever walks it. What is too large to be one is never read into memory.
import { mostManifestBytes, readManifest } from '../livekit/manifest.ts'
import type { ObjectFact } from '../recording/observation.ts'
import type { Store } from '../recording/ports.ts'

/** What it says; `null` when it is none, or gone. One request at most. */
export async function manifestAt(
  store: Pick<Store, 'text'>,
  { key, etag, sizeBytes }: ObjectFact,
  nowMs: number,
): Promise<ReturnType<typeof readManifest>> {
  if (sizeBytes > mostManifestBytes) return null
  const body = await store.text(key)
  return body === null ? null : readManifest(key, etag, body, nowMs)
}
