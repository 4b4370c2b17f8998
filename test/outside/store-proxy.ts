// A proxy before the real store that can be told what to do wrong: answer an error, cut the connection, let a request
// through and lose its answer, keep it waiting, ignore a condition. It keeps a list of the requests that the Worker made
// and looks for itself, before a DELETE passes, whether the bytes lie anywhere else: no test may lose any unseen.
import { encodeKey } from '../../src/storage/requests.ts'
import { testAgent } from './agent.ts'
import { isSignedRightly, presignedNow, resigned, signedAtMs } from './resign.ts'
import type { Resigned } from './resign.ts'
import { storeAddress, storeBucket, storeCredentials } from './store.ts'

export interface StoreFault {
  /** Only these methods; every one when left out. */
  method?: string
  /** Only keys that contain this; every key when left out. */
  key?: string
  /** Only copies, or only plain requests. */
  isCopy?: boolean
  /** How many such requests pass before. */
  skip?: number
  /** How often; for ever when left out. */
  times?: number
  /** The request waits for the next order before the store acts, or its answer waits after it has acted. */
  waits?: 'before' | 'after'
  /**
   * The answer instead of the store's. `lost`: the store acts, its answer does not arrive. `silent`: nothing ever comes.
   * `short-pages`: a store whose listings have fewer keys a page than were asked for.
   * `without-conditions` and `without-etag`: a store that has no conditions, or no ETags. `refuses-conditions`: it takes none
   * of them for fulfilled. `wrong-…`: as if the Worker had
   * been set up for another bucket or with another secret.
   */
  answer?:
    | { status: number; body?: string }
    | 'unreachable'
    | 'lost'
    | 'silent'
    | 'short-pages'
    | 'without-conditions'
    | 'without-etag'
    | 'refuses-conditions'
    | 'wrong-bucket'
    | 'wrong-secret'
}

export type StoreOrder = { faults: StoreFault[] } | null

export interface StoreRequest {
  method: string
  key: string
  /** What follows the `?`: which part of which upload, for one. */
  query: string
  copySource: string | null
  headers: Record<string, string>
  /** What the store itself answered; `null` while it has not, or was never asked. */
  storeStatus: number | null
  /** Of a DELETE of something: the keys that held the same bytes when it came, and were copied from there. */
  sameBytesAt: string[] | null
}

const keysOfShortPage = 100
const conditions = ['x-amz-copy-source-if-match', 'if-match']
/** A store refuses a request that is signed for a quarter of an hour ago; tests may be hours ahead. */
const clockToleranceMs = 10 * 60_000

let faults: StoreFault[] = []
let requests: StoreRequest[] = []
const history: StoreRequest[] = []
/** Keys that were copied, and where to. */
const copies = new Map<string, Set<string>>()
const uploads = new Map<string, string>()
let nextOrder = Promise.withResolvers<void>()

/** Sets the faults and forgets the requests, or tells of the requests since. */
export function steerStore(order: unknown): { requests: StoreRequest[] } {
  const known = { requests }
  if (order !== null) {
    faults = (order as { faults: StoreFault[] }).faults
    requests = []
    nextOrder.resolve()
    nextOrder = Promise.withResolvers<void>()
  }
  return known
}

/** Every request since the beginning, whatever was ordered in between; from one index on. */
export function storeHistory(from: number): { requests: StoreRequest[]; length: number } {
  return { requests: history.slice(from), length: history.length }
}

export async function passToStore(request: Request): Promise<Response> {
  const key = keyOf(request)
  const copySource = request.headers.get('x-amz-copy-source')
  if (copySource !== null) noteCopy(copySource, key)
  if (request.headers.get('user-agent') === testAgent) return send(request)
  const seen: StoreRequest = {
    method: request.method,
    key,
    query: new URL(request.url).search.slice(1),
    copySource,
    headers: Object.fromEntries(request.headers),
    storeStatus: null,
    sameBytesAt: null,
  }
  requests.push(seen)
  history.push(seen)
  const fault = takeFault(request.method, key, copySource !== null)
  const { promise: order } = nextOrder
  if (fault?.waits === 'before') await order
  const answer = await answerTo(request, seen, fault?.answer)
  if (fault?.waits === 'after') await order
  return withoutBody(request.method, answer.status) ? new Response(null, answer) : answer
}

async function answerTo(
  request: Request,
  seen: StoreRequest,
  instead: StoreFault['answer'],
): Promise<Response> {
  const pass = async (as: Resigned = {}): Promise<Response> => {
    if (isListOfUploads(request)) return listUploads(request)
    if (seen.method === 'DELETE') seen.sameBytesAt = await sameBytesElsewhere(request, seen.key)
    const answer = await send(request, as)
    seen.storeStatus = answer.status
    return answer
  }
  switch (instead) {
    case undefined:
      return pass()
    case 'unreachable':
      throw new Error('the store is unreachable')
    case 'silent':
      return new Promise<never>(() => {})
    case 'lost':
      await pass()
      return new Response('the answer was lost', { status: 502 })
    case 'short-pages':
      return pass({ url: request.url.replace(/max-keys=\d+/, `max-keys=${keysOfShortPage}`) })
    case 'without-conditions':
      return pass({ without: conditions })
    case 'refuses-conditions':
      return conditions.some((name) => name in seen.headers)
        ? new Response('<Error><Code>PreconditionFailed</Code></Error>', { status: 412 })
        : pass()
    case 'without-etag':
      return withoutEtag(await pass())
    case 'wrong-bucket':
      return pass({
        url: request.url.replace(`/${storeBucket}/`, '/no-such-bucket/'),
      })
    case 'wrong-secret':
      return pass({ credentials: { ...storeCredentials, secretAccessKey: 'mistyped' } })
    default:
      return new Response(instead.body ?? null, { status: instead.status })
  }
}

function takeFault(method: string, key: string, isCopy: boolean): StoreFault | undefined {
  const fault = faults.find(
    (known) =>
      (known.method === undefined || known.method === method) &&
      (known.key === undefined || key.includes(known.key)) &&
      (known.isCopy === undefined || known.isCopy === isCopy) &&
      known.times !== 0,
  )
  if (fault?.skip !== undefined && fault.skip > 0) {
    fault.skip -= 1
    return undefined
  }
  if (fault?.times !== undefined) fault.times -= 1
  return fault
}

/** As it came, where the store would take it so; signed anew for another address, other headers or another hour. */
async function send(request: Request, as: Resigned = {}): Promise<Response> {
  const body =
    request.method === 'GET' || request.method === 'HEAD' ? null : await request.arrayBuffer()
  const isChanged = Object.keys(as).length > 0
  const isOld = Math.abs(Date.now() - signedAtMs(request)) > clockToleranceMs
  const { url, headers } =
    (isChanged || isOld) && (await isSignedRightly(request))
      ? await resigned(request, as)
      : { url: await presignedNow(request), headers: request.headers }
  const { method } = request
  const answer = await fetch(url, { method, headers, body, redirect: 'manual' })
  const content = withoutBody(method, answer.status) ? null : await answer.arrayBuffer()
  if (answer.ok) noteUpload(request, content)
  return new Response(content, { status: answer.status, headers: answer.headers })
}

/** The store of the tests does not list uploads; what was begun and neither joined nor given up is known here. */
function noteUpload(request: Request, content: ArrayBuffer | null): void {
  const query = new URL(request.url).searchParams
  if (!query.has('uploads') && !query.has('uploadId')) return
  const text = content === null ? '' : Buffer.from(content).toString()
  const begun = /<UploadId>(.*)<\/UploadId>/.exec(text)?.[1]
  if (query.has('uploads') && begun !== undefined) uploads.set(begun, keyOf(request))
  const isEnd = request.method === 'DELETE' || request.method === 'POST'
  const isRefused = text.includes('<Error>')
  if (isEnd && !isRefused) uploads.delete(query.get('uploadId') ?? '')
}

function isListOfUploads({ method, url }: Request): boolean {
  return method === 'GET' && new URL(url).searchParams.has('uploads')
}

/** As S3 answers it: the store of the tests has no such list. */
function listUploads(request: Request): Response {
  const prefix = new URL(request.url).searchParams.get('prefix') ?? ''
  const items = [...uploads]
    .filter(([, key]) => key.startsWith(prefix))
    .map(
      ([uploadId, key]) =>
        `<Upload><Key>${encodeKey(key)}</Key><UploadId>${uploadId}</UploadId></Upload>`,
    )
  const body = `<ListMultipartUploadsResult><EncodingType>url</EncodingType>${items.join('')}</ListMultipartUploadsResult>`
  return new Response(body, { headers: { 'content-type': 'application/xml' } })
}

/** Keys of the multipart uploads that are open, by their upload id. */
export function openUploads(): Record<string, string> {
  return Object.fromEntries(uploads)
}

function withoutBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

function withoutEtag(answer: Response): Response {
  const headers = new Headers(answer.headers)
  headers.delete('etag')
  return new Response(answer.body, { status: answer.status, headers })
}

function keyOf(request: Request): string {
  return decodeURIComponent(new URL(request.url).pathname.slice(storeAddress().bucketPath.length))
}

function noteCopy(copySource: string, finalKey: string): void {
  const source = decodeURIComponent(copySource).split('/').slice(2).join('/')
  copies.set(source, (copies.get(source) ?? new Set()).add(finalKey))
}

async function sameBytesElsewhere(request: Request, key: string): Promise<string[] | null> {
  const bytesAt = async (path: string): Promise<string | null> => {
    const { url, headers } = await resigned(new Request(path, { headers: request.headers }), {
      without: conditions,
    })
    const answer = await fetch(url, { headers })
    const bytes = Buffer.from(await answer.arrayBuffer()).toString('base64')
    return answer.ok ? bytes : null
  }
  const folder = request.url.slice(0, request.url.indexOf(`/${encodeKey(key)}`))
  const deleted = await bytesAt(request.url)
  if (deleted === null) return null
  const found: string[] = []
  for (const copy of copies.get(key) ?? []) {
    if ((await bytesAt(`${folder}/${encodeKey(copy)}`)) === deleted) found.push(copy)
  }
  return found
}
