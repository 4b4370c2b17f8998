// Where LiveKit uploads a start's files to, and with which keys: ours, keys made for that start, or none, when the egress
// service has its own (EGRESS_UPLOAD).
import type { Config } from '../config.ts'
import { startFolder } from '../recording/start.ts'
import type { Upload } from './start.ts'
import { temporaryCredentials } from './temporary-credentials.ts'

/** @param maxDurationMs of the recording, when it is to be stopped earlier than the longest session */
export async function uploadFor(
  { storage, tempPrefix, egressUpload, maxSessionMs, graceMs }: Config,
  startId: string,
  maxDurationMs: number | undefined,
): Promise<Upload | null> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey, urlStyle } = storage
  const place = {
    endpoint: endpoint.href.replace(/\/+$/, ''),
    region,
    bucket,
    forcePathStyle: urlStyle === 'path',
  }
  switch (egressUpload) {
    case 'server':
      return null
    case 'request':
      return { ...place, accessKey: accessKeyId, secret: secretAccessKey }
    case 'temporary': {
      // Files are uploaded when the session has ended: the keys have to outlive both.
      const lifeMs = Math.min(maxDurationMs ?? maxSessionMs, maxSessionMs) + graceMs
      const folder = startFolder(tempPrefix, startId)
      const minted = await temporaryCredentials(storage, folder, Date.now(), lifeMs)
      return {
        ...place,
        accessKey: minted.accessKeyId,
        secret: minted.secretAccessKey,
        sessionToken: minted.sessionToken,
      }
    }
    default:
      return egressUpload satisfies never
  }
}
