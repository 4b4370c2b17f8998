// Credentials for one start: R2 keys that may write below that start's folder and nothing else, for as long as the longest
// session and its upload can take. They are made here, without asking anybody: a token signed with our own secret, which R2
// checks (developers.cloudflare.com/r2/api/s3/temporary-credentials). So LiveKit never holds a key that lasts.
import { SignJWT } from 'jose'
import { r2AccountOf } from '../config.ts'
import type { StorageConfig } from '../config.ts'

/** All that an upload needs: no read, no list, no delete. */
const actions = [
  'PutObject',
  'CreateMultipartUpload',
  'UploadPart',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
]

export interface TemporaryCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
}

/** @param folder with its final slash; nothing outside can be written */
export async function temporaryCredentials(
  storage: StorageConfig,
  folder: string,
  issuedAtMs: number,
  lifeMs: number,
): Promise<TemporaryCredentials> {
  const issuedAtSeconds = Math.floor(issuedAtMs / 1000)
  const token = await new SignJWT({
    bucket: storage.bucket,
    scope: 'object-read-write',
    actions,
    paths: { prefixPaths: [folder], objectPaths: [] },
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(r2AccountOf(storage.endpoint) ?? '')
    .setIssuer(storage.accessKeyId)
    .setAudience(storage.endpoint.host)
    .setIssuedAt(issuedAtSeconds)
    .setExpirationTime(issuedAtSeconds + Math.ceil(lifeMs / 1000))
    .sign(new TextEncoder().encode(storage.secretAccessKey))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  return {
    accessKeyId: storage.accessKeyId,
    secretAccessKey: Array.from(new Uint8Array(digest), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join(''),
    sessionToken: btoa(`jwt/${token}`),
  }
}
