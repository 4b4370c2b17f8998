// The R2 keys of one start, to the letter of Cloudflare's documentation: R2 itself is not here to check them. Exists for a
// key that could do more than write into its start's folder, or that dies before the upload.
import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { LiveKitControl } from '../../src/livekit/control.ts'
import { temporaryCredentials } from '../../src/livekit/temporary-credentials.ts'
import { config } from './config.ts'

const account = '0123456789abcdef0123456789abcdef'
const endpoint = `https://${account}.eu.r2.cloudflarestorage.com`
const { storage } = config({ endpoint })
const issuedAtMs = Date.UTC(2026, 0, 1)

function partsOf(sessionToken: string): { token: string; header: unknown; claims: unknown } {
  const [kind, token = ''] = atob(sessionToken).split('/')
  expect(kind).toBe('jwt')
  const [header = '', claims = ''] = token
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString())
  return { token, header: JSON.parse(header), claims: JSON.parse(claims) }
}

describe('temporary credentials', () => {
  it('may write into one folder, for as long as the egress and its upload can take', async () => {
    const minted = await temporaryCredentials(storage, 'temp/ST_1/', issuedAtMs, 90_000)
    const { header, claims } = partsOf(minted.sessionToken)
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT' })
    expect(claims).toEqual({
      bucket: 'recordings',
      scope: 'object-read-write',
      actions: [
        'PutObject',
        'CreateMultipartUpload',
        'UploadPart',
        'CompleteMultipartUpload',
        'AbortMultipartUpload',
      ],
      paths: { prefixPaths: ['temp/ST_1/'], objectPaths: [] },
      sub: account,
      iss: 'access',
      aud: `${account}.eu.r2.cloudflarestorage.com`,
      iat: issuedAtMs / 1000,
      exp: issuedAtMs / 1000 + 90,
    })
  })

  it('are signed with the parent secret, and their secret is the hash of the token', async () => {
    const minted = await temporaryCredentials(storage, 'temp/ST_1/', issuedAtMs, 90_000)
    const { token } = partsOf(minted.sessionToken)
    const [header, claims, signature] = token.split('.')
    const expected = createHmac('sha256', 'secret').update(`${header}.${claims}`)
    expect(signature).toBe(expected.digest('base64url'))
    expect(minted.secretAccessKey).toBe(createHash('sha256').update(token).digest('hex'))
    expect(minted.accessKeyId).toBe('access')
  })

  it('go to LiveKit in place of our own keys', async () => {
    const bodies: string[] = []
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      bodies.push(await new Request(input, init).text())
      return Response.json({ egress_id: 'EG_new' })
    })
    const settings = config({ endpoint, egressUpload: 'temporary' })
    const startId = 'ST_0123456789abcdef01234567'
    const order = { type: 'room_composite', roomName: 'a', maxDurationMs: 60_000 } as const
    await new LiveKitControl(settings.livekit).start(order, { startId, webhookUrl: null }, settings)
    vi.restoreAllMocks()
    const { s3 } = (
      JSON.parse(bodies[0] ?? '') as { fileOutputs: [{ s3: Record<string, string> }] }
    ).fileOutputs[0]
    expect(s3['secret']).not.toBe('secret')
    const { claims } = partsOf(s3['sessionToken'] ?? '')
    const { iat, exp, paths } = claims as { iat: number; exp: number; paths: unknown }
    expect(paths).toEqual({ prefixPaths: [`temp/${startId}/`], objectPaths: [] })
    // A minute of recording, and the time that an upload may take.
    expect(exp - iat).toBe(60 + 3600)
  })
})
