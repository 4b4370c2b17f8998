// Lists a folder of the store, page by page. A position in it is the last key seen (`start-after`), never the store's own
// token: tokens do not last for days (s3.md §3.13). Keys are asked for URL-encoded, or one with a control character would
// make the whole answer invalid XML.
import { isSafeKey, isSameKey } from '../recording/keys.ts'
import { Trouble } from '../recording/ports.ts'
import type { ListPage } from '../recording/ports.ts'
import { bareEtag, trouble } from './requests.ts'
import type { StoreRequests } from './requests.ts'
import { readList, readUploads } from './s3-xml.ts'

/** A store may pass over what was deleted and answer with a page of nothing, and a token; so many in a row. */
const mostEmptyPages = 8

export async function listPage(
  requests: StoreRequests,
  { prefix, after, limit }: { prefix: string; after: string | null; limit: number },
): Promise<ListPage> {
  let token: string | null = null
  for (let pages = 0; pages < mostEmptyPages; pages += 1) {
    const from = token === null ? { 'start-after': after } : { 'continuation-token': token }
    const page = await ask(requests, { prefix, 'max-keys': String(limit), ...from })
    // Such a store would begin the folder anew at each page, for ever.
    if (page.objects.some(({ key }) => key === after))
      throw new Trouble(
        'store-unsteady',
        'The store does not go on after the key that it was told.',
      )
    const last = page.objects.at(-1)
    if (last !== undefined || page.nextToken === null) {
      const objects = page.objects
        // A key that no request could name is left where it is.
        .filter((object) => isSafeKey(object.key))
        .map((object) => ({ ...object, etag: bareEtag(object.etag) }))
      return { objects, next: page.isTruncated ? (last?.key ?? null) : null }
    }
    token = page.nextToken
  }
  throw new Trouble('store-unsteady', `The store lists ${prefix} in pages without anything.`)
}

async function ask(requests: StoreRequests, terms: Record<string, string | null>) {
  const query = { 'list-type': '2', 'encoding-type': 'url' }
  const said = Object.entries(terms).filter((term): term is [string, string] => term[1] !== null)
  const response = await requests.send({
    method: 'GET',
    key: '',
    query: { ...query, ...Object.fromEntries(said) },
  })
  const body = await response.text()
  const page = response.ok ? readList(body) : null
  if (page === null) throw trouble(response.status, body)
  return page
}

/** So many open uploads of one key are dealt with at a time; each of them was a begin whose answer was lost. */
const mostUploads = 3

/**
 * The multipart uploads to this key that are open. A store that does not list them, or not to us, has none as far as we can
 * know: its own rule ends them.
 */
export async function listUploads(requests: StoreRequests, key: string): Promise<string[]> {
  const query = { uploads: '', 'encoding-type': 'url', prefix: key }
  const response = await requests.send({ method: 'GET', key: '', query })
  const body = await response.text()
  if (response.status === 429 || (response.status >= 500 && response.status !== 501)) {
    throw trouble(response.status, body)
  }
  const uploads = response.ok ? readUploads(body) : []
  return uploads
    .filter((upload) => isSameKey(upload.key, key))
    .slice(0, mostUploads)
    .map(({ uploadId }) => uploadId)
}
