// Signs a request of the Worker once more, for a store that is not quite the one it was signed for: another address,
// another hour, other headers. A request whose own signature is wrong is never signed anew, or no test could see it.
import { AwsV4Signer } from 'aws4fetch'
import { storeCredentials } from './store.ts'

export interface Resigned {
  url?: string
  /** Headers that the store is not to see. */
  without?: string[]
  credentials?: { accessKeyId: string; secretAccessKey: string }
}

/** What the signer adds by itself. */
const ownHeaders = new Set(['host', 'x-amz-date', 'x-amz-content-sha256'])

/** True when the request is signed in its headers, rightly, whatever the hour. */
export async function isSignedRightly(request: Request): Promise<boolean> {
  const { headers, authorization, datetime, region } = signedParts(request)
  if (authorization === '') return false
  const { accessKeyId, secretAccessKey } = storeCredentials
  const { method, url } = request
  const again = new AwsV4Signer({
    method,
    url,
    headers,
    accessKeyId,
    secretAccessKey,
    region,
    service: 's3',
    datetime,
  })
  return (await again.sign()).headers.get('authorization') === authorization
}

/** When the request was signed, by the clock of who signed it. */
export function signedAtMs(request: Request): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(request.headers.get('x-amz-date') ?? '') ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

/** Address and headers of the request, signed now. */
export async function resigned(
  request: Request,
  { url = request.url, without = [], credentials = storeCredentials }: Resigned,
): Promise<{ url: string; headers: Headers }> {
  const { region } = signedParts(request)
  const headers = new Headers(request.headers)
  for (const name of ['authorization', ...ownHeaders, ...without]) headers.delete(name)
  const toSign = new Headers(
    [...headers].filter(([name]) => signedNames(request).has(name) && !ownHeaders.has(name)),
  )
  const signer = new AwsV4Signer({
    method: request.method,
    url,
    headers: toSign,
    ...credentials,
    region,
    service: 's3',
  })
  const signed = await signer.sign()
  for (const [name, value] of signed.headers) headers.set(name, value)
  return { url: signed.url.href, headers }
}

function signedParts(request: Request) {
  const authorization = request.headers.get('authorization') ?? ''
  const names = signedNames(request)
  return {
    authorization,
    headers: new Headers(
      [...request.headers].filter(([name]) => names.has(name) && !ownHeaders.has(name)),
    ),
    datetime: request.headers.get('x-amz-date') ?? '',
    region: /Credential=[^/]+\/\d+\/([^/]+)\/s3/.exec(authorization)?.[1] ?? 'auto',
  }
}

function signedNames(request: Request): Set<string> {
  const list = /SignedHeaders=([^,]+)/.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
  return new Set(list.split(';'))
}

/** What a presigned URL has besides what it is signed for. */
const ofTheSignature = ['Algorithm', 'Credential', 'Date', 'SignedHeaders', 'Signature']

/**
 * The presigned URL as if it had been signed now, when it was signed for later: the tests are hours ahead, and some stores
 * refuse what is not valid yet. One that is signed wrongly, or for now, stays as it is.
 */
export async function presignedNow(request: Request): Promise<string> {
  const url = new URL(request.url)
  const signature = url.searchParams.get('X-Amz-Signature')
  const datetime = url.searchParams.get('X-Amz-Date') ?? ''
  const [accessKeyId = '', , region = 'auto'] = (
    url.searchParams.get('X-Amz-Credential') ?? ''
  ).split('/')
  if (signature === null || datetime <= amzDate(Date.now())) return request.url
  for (const name of ofTheSignature) url.searchParams.delete(`X-Amz-${name}`)
  const signedAt = async (moment: string): Promise<URL> => {
    const { secretAccessKey } = storeCredentials
    const signer = new AwsV4Signer({
      method: request.method,
      url: url.href.replaceAll('+', '%20'),
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      signQuery: true,
      datetime: moment,
    })
    return (await signer.sign()).url
  }
  const isRight = (await signedAt(datetime)).searchParams.get('X-Amz-Signature') === signature
  return isRight ? (await signedAt(amzDate(Date.now()))).href.replaceAll('+', '%20') : request.url
}

function amzDate(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}
