// Lists a folder of the store, page by page. A position in it is the last key seen (`start-after`), never the store's own
// token: tokens do not last for days (s3.md §3.13). Keys are asked for URL-encoded, or one with a control character would
// make the whole answer invalid XML.
import { isSafeKey, isSameKey } from '../recording/keys.ts'
import type { ListPage } from '../recording/ports.ts'
import { bareEtag, trouble } from './requests.ts'
import type { StoreRequests } from './requests.ts'
import { readList, readUploads } from './s3-xml.ts'

export async function listPage(
  requests: StoreRequests,
  { prefix, after, limit }: { prefix: string; after: string | null; limit: number },
): Promise<ListPage> {
  const response = await requests.send({
    method: 'GET',
    key: '',
    query: {
      'list-type': '2',
      'encoding-type': 'url',
      'max-keys': String(limit),
      prefix,
      ...(after === null ? {} : { 'start-after': after }),
    },
  })
  const body = await response.text()
  const page = response.ok ? readList(body) : null
  if (page === null) throw trouble(response.status, body)
  const objects = page.objects.map((object) => ({
    ...object,
    etag: bareEtag(object.etag),
  }))
  return {
    // A key that no request could name is left where it is.
    objects: objects.filter((object) => isSafeKey(object.key)),
    next: page.nextToken === null ? null : (objects.at(-1)?.key ?? null),
  }
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
