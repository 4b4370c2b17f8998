// Stores of other makes, over real HTTP: what each may answer within the protocol, and what a proxy before it does to that.
// Exists so that no habit of the store used in development becomes a condition: a page left out, a key read wrongly, a
// copy begun again for ever.
import { afterEach, describe, expect, it } from 'vitest'
import type { CopyRequest } from '../../src/recording/ports.ts'
import { locate } from '../../src/storage/move.ts'
import { S3 } from '../../src/storage/s3.ts'
import { serve } from '../outside/http-server.ts'
import type { HttpServer } from '../outside/http-server.ts'

let server: HttpServer | undefined
afterEach(() => server?.close())

/** A store that answers so; and the requests that it gets. */
async function storeThat(
  answer: (request: Request) => Response | Promise<Response>,
): Promise<{ store: S3; requests: Request[] }> {
  const requests: Request[] = []
  server = await serve(async (request) => {
    requests.push(request)
    return answer(request)
  })
  const endpoint = new URL(server.origin)
  const store = new S3({
    endpoint,
    publicEndpoint: endpoint,
    region: 'auto',
    bucket: 'recordings',
    urlStyle: 'path',
    accessKeyId: 'key',
    secretAccessKey: 'secret',
  })
  return { store, requests }
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
const error = (code: string): string =>
  `${declaration}<Error><Code>${code}</Code><Message>No.</Message></Error>`
const listed = (inner: string): string =>
  `${declaration}<ListBucketResult><EncodingType>url</EncodingType>${inner}</ListBucketResult>`
const contents = (...keys: string[]): string =>
  keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('')
/** A store whose bucket lists, with these keys in it, and that answers so to everything else. */
const listing =
  (answer: (request: Request) => Response, ...keys: string[]) =>
  (request: Request): Response =>
    new URL(request.url).searchParams.has('list-type')
      ? new Response(listed(contents(...keys)))
      : answer(request)
const keysOf = ({ objects }: { objects: { key: string }[] }): string[] =>
  objects.map(({ key }) => key)
const page = '<!DOCTYPE html><html><body><p>Welcome!<br></body></html>'
const firstPage = { prefix: 'tmp/', after: null, limit: 2 }

const source = {
  key: 'tmp/a.mp4',
  etag: 'abc',
  sizeBytes: 10,
  lastModifiedMs: 0,
  contentType: 'video/mp4',
  metadata: {},
}
const copy: CopyRequest = {
  source,
  finalKey: 'recordings/a.mp4',
  contentType: 'video/mp4',
  contentDisposition: 'inline',
  metadata: {},
  replaces: false,
}

describe('a listing', () => {
  it('that says that there is more, and not where, goes on after its last key', async () => {
    const { store, requests } = await storeThat(({ url }) => {
      const after = new URL(url).searchParams.get('start-after')
      const inner =
        after === null
          ? `<IsTruncated>true</IsTruncated>${contents('tmp/a', 'tmp/b')}`
          : `<IsTruncated>false</IsTruncated>${contents('tmp/c')}`
      return new Response(listed(inner))
    })
    const first = await store.list(firstPage)
    expect([keysOf(first), first.next]).toEqual([['tmp/a', 'tmp/b'], 'tmp/b'])
    const second = await store.list({ ...firstPage, after: first.next })
    expect([keysOf(second), second.next]).toEqual([['tmp/c'], null])
    expect(requests).toHaveLength(2)
  })

  it('with pages of nothing in it goes on behind them: what was deleted is passed over', async () => {
    const { store } = await storeThat(({ url }) => {
      const token = Number(new URL(url).searchParams.get('continuation-token') ?? '0')
      const inner =
        token < 3
          ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${token + 1}</NextContinuationToken>`
          : contents('tmp/z')
      return new Response(listed(inner))
    })
    expect(await store.list(firstPage)).toMatchObject({ objects: [{ key: 'tmp/z' }], next: null })
  })

  it.each([
    ['the same token again and again', '<NextContinuationToken>1</NextContinuationToken>', null],
    ['the same page whatever it is told', contents('tmp/a', 'tmp/b'), 'tmp/b'],
  ])('that gives %s comes to an end, as trouble', async (_, inner, after) => {
    const { store, requests } = await storeThat(
      () => new Response(listed(`<IsTruncated>true</IsTruncated>${inner}`)),
    )
    await expect(store.list({ ...firstPage, after })).rejects.toMatchObject({
      code: 'store-unsteady',
    })
    expect(requests.length).toBeLessThan(30)
  })

  it.each([
    ['a page of a proxy', page],
    ['nothing', ''],
    ['an error', error('InternalError')],
  ])('answered with 200 and %s is no empty folder', async (_, body) => {
    const { store } = await storeThat(() => new Response(body))
    await expect(store.list(firstPage)).rejects.toThrow('The store answered')
  })

  it('with prefixed names, CDATA and character references is read', async () => {
    const key = '<s3:Key><![CDATA[tmp/a&b]]></s3:Key>'
    const other = '<s3:Key>tmp/&#x4F1A;&amp;&#39;</s3:Key>'
    const inner = [key, other]
      .map((one) => `<s3:Contents>${one}<s3:Size>1</s3:Size></s3:Contents>`)
      .join('\n')
    const body = `${declaration}<s3:ListBucketResult xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</s3:ListBucketResult>`
    const { store } = await storeThat(() => new Response(body))
    expect(keysOf(await store.list(firstPage))).toEqual(['tmp/a&b', "tmp/会&'"])
  })

  it('S11: keeps the blanks around a key, where the store does not encode it', async () => {
    const body = `<ListBucketResult>\n  ${contents('tmp/a.mp4 ')}\n</ListBucketResult>`
    const { store } = await storeThat(() => new Response(body))
    expect(keysOf(await store.list(firstPage))).toEqual(['tmp/a.mp4 '])
  })
})

describe('a look', () => {
  const words: [string, string, string][] = [
    ['S3’s own words', error('NoSuchKey'), 'no object'],
    ['an empty body', '', 'no object'],
    ['the page of a wrong address', page, 'no object'],
    ['the JSON of a wrong address', '{"error":"not found"}', 'no object'],
    ['a bucket that is not there', error('NoSuchBucket'), 'trouble'],
  ]
  const looksAt = async (store: S3): Promise<string> =>
    (await store.head('tmp/a')) === null &&
    (await store.text('tmp/a')) === null &&
    (await store.copy(copy)) === 'source-gone' &&
    (await store.remove('tmp/a', 'abc')) === 'removed'
      ? 'no object'
      : 'an object'

  it.each(words)(
    'S10: answered with 404 and %s where the bucket lists is told apart',
    async (_, body, outcome) => {
      const { store } = await storeThat(listing(() => new Response(body, { status: 404 })))
      expect(await looksAt(store).catch(() => 'trouble')).toBe(outcome)
    },
  )

  it.each(words)(
    'S10: answered with 404 and %s, as the list is, is trouble: no bucket is there',
    async (_, body) => {
      const { store } = await storeThat(() => new Response(body, { status: 404 }))
      await expect(store.head('tmp/a')).rejects.toThrow('The store answered')
      await expect(store.text('tmp/a')).rejects.toThrow('The store answered')
      await expect(store.remove('tmp/a', 'abc')).rejects.toThrow('The store answered')
    },
  )

  it.each([
    ['a page', page],
    ['an empty body', ''],
  ])('S10: answered with 404 and %s for an object that lists is trouble', async (_, body) => {
    const { store } = await storeThat(
      listing(() => new Response(body, { status: 404 }), 'tmp/a', 'tmp/a.mp4'),
    )
    const unsteady = { code: 'store-unsteady' }
    await expect(store.head('tmp/a')).rejects.toMatchObject(unsteady)
    await expect(store.text('tmp/a')).rejects.toMatchObject(unsteady)
    await expect(store.copy(copy)).rejects.toMatchObject(unsteady)
    await expect(store.remove('tmp/a', 'abc')).rejects.toMatchObject(unsteady)
  })

  it('S10: answered with the 404 of a proxy after a good answer of the store is trouble', async () => {
    const { store } = await storeThat(({ url }) =>
      new URL(url).pathname.endsWith('/tmp/a')
        ? new Response(null, { headers: { etag: '"abc"', 'content-range': 'bytes 0-0/10' } })
        : new Response(page, { status: 404 }),
    )
    expect(await store.head('tmp/a')).not.toBeNull()
    await expect(store.head('tmp/b')).rejects.toThrow('The store answered status 404')
    await expect(store.remove('tmp/b', 'abc')).rejects.toThrow('The store answered status 404')
  })

  it('answered with 404 by a store that says which request it answers costs that request alone', async () => {
    const marks = { 'x-amz-request-id': '1' }
    const { store, requests } = await storeThat(
      listing(() => new Response(null, { status: 404, headers: marks })),
    )
    await store.head('tmp/a')
    const before = requests.length
    expect(await store.head('tmp/b')).toBeNull()
    expect(requests.length).toBe(before + 1)
  })

  it('S11: at a spelling of a key that the store refuses does not keep from the others', async () => {
    const { store } = await storeThat(({ url }) =>
      new URL(url).pathname.includes('//')
        ? new Response(error('InvalidURI'), { status: 400 })
        : new Response(null, { headers: { etag: '"abc"', 'content-range': 'bytes 0-0/10' } }),
    )
    expect(await locate(store, ['/tmp/a.mp4', 'tmp/a.mp4'])).toMatchObject({ key: 'tmp/a.mp4' })
    await expect(locate(store, ['/tmp/a.mp4'])).rejects.toThrow('The store answered InvalidURI')
  })

  it.each([301, 307, 308])(
    'S10: answered with a redirect (%i) is trouble, and not followed',
    async (status) => {
      const { store, requests } = await storeThat(
        () =>
          new Response(error('PermanentRedirect'), { status, headers: { location: '/elsewhere' } }),
      )
      await expect(store.head('tmp/a')).rejects.toThrow('The store answered')
      expect(requests.map(({ url }) => new URL(url).pathname)).not.toContain('/elsewhere')
    },
  )

  it('that tells no length has none of the error that the question for it is answered with', async () => {
    const slowDown = error('SlowDown')
    const headers = { 'content-length': String(slowDown.length) }
    const { store } = await storeThat(({ method }) =>
      method === 'HEAD'
        ? new Response(null, { headers: { etag: '"abc"', 'content-encoding': 'gzip' } })
        : new Response(slowDown, { status: 503, headers }),
    )
    await expect(store.head('tmp/a')).rejects.toMatchObject({ code: 'store-outage' })
  })

  it.each(['W/"abc"', 'abc', '"abc"'])('sees one ETag, written as %s', async (etag) => {
    const { store } = await storeThat(
      () => new Response(null, { headers: { etag, 'content-range': 'bytes 0-0/10' } }),
    )
    expect((await store.head('tmp/a'))?.etag).toBe('abc')
  })
})

/** What stores say of a condition that they do not have. */
const refusedConditions: [number, string][] = [
  [501, 'NotImplemented'],
  [400, 'NotImplemented'],
  [400, 'InvalidArgument'],
  [405, 'MethodNotAllowed'],
]

describe('a copy', () => {
  const copied = '<CopyObjectResult><ETag>abc</ETag></CopyObjectResult>'
  it.each(refusedConditions)(
    'S14: is asked for without a condition where the store has none and says so with %i %s',
    async (status, code) => {
      const { store, requests } = await storeThat(({ headers }) =>
        headers.has('x-amz-copy-source-if-match')
          ? new Response(error(code), { status })
          : new Response(copied),
      )
      expect(await store.copy(copy)).toBe('copied')
      expect(requests).toHaveLength(2)
    },
  )

  it.each([
    [412, error('PreconditionFailed'), 'refused'],
    [404, error('NoSuchKey'), 'source-gone'],
    [200, error('NoSuchKey'), 'source-gone'],
    [200, `   \n${declaration}${copied}`, 'copied'],
    [200, '<CopyResult><ETag>abc</ETag></CopyResult>', 'copied'],
    [200, copied.replaceAll(/<(\/?)(?=\w)/g, '<$1s3:'), 'copied'],
    [404, error('NoSuchBucket'), 'trouble'],
    [404, page, 'trouble'],
    [409, error('ConditionalRequestConflict'), 'trouble'],
    [501, error('NotImplemented'), 'trouble'],
    [200, copied.slice(0, -3), 'trouble'],
  ])('S3: answered with %i %j: %s', async (status, body, outcome) => {
    const { store } = await storeThat(() => new Response(body, { status }))
    expect(await store.copy(copy).catch(() => 'trouble')).toBe(outcome)
  })
})

describe('the parts of an upload', () => {
  const complete = '<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>'
  it.each([
    [200, complete, true],
    [200, `${' \n'.repeat(500)}${declaration}${complete}`, true],
    [200, error('InternalError'), 'trouble'],
    [200, '', 'trouble'],
    [404, error('NoSuchUpload'), false],
    [404, '', false],
    // These parts will never do: they are copied anew.
    [400, error('InvalidPart'), false],
    [404, error('NoSuchBucket'), 'trouble'],
    [503, error('SlowDown'), 'trouble'],
  ])('S14: joined with the answer %i %j: %s', async (status, body, outcome) => {
    const { store } = await storeThat(() => new Response(body, { status }))
    const joined = store.completeUpload('recordings/a.mp4', 'id', ['a', 'b'])
    expect(await joined.catch(() => 'trouble')).toBe(outcome)
  })

  it.each([
    [404, error('NoSuchUpload'), null],
    [404, '', null],
    [404, error('NoSuchKey'), 'trouble'],
    [200, error('InternalError'), 'trouble'],
    [501, error('NotImplemented'), 'trouble'],
    [200, '<CopyPartResult><ETag>&quot;p&quot;</ETag></CopyPartResult>', 'p'],
    [200, '<CopyPartResult><ETag>p</ETag></CopyPartResult>', 'p'],
    [200, '<CopyPartResult><ETag></ETag></CopyPartResult>', ''],
    // S3Proxy gives a part the answer of a whole copy.
    [200, `${declaration}<CopyObjectResult><ETag>"p"</ETag></CopyObjectResult>`, 'p'],
    [200, '<CopyPartResult/>', ''],
    [200, page, 'trouble'],
    [200, '', 'trouble'],
    [200, '<CopyPartResult><ETag></ETag></Copy', 'trouble'],
  ])('S7: copied with the answer %i %j: %s', async (status, body, outcome) => {
    const { store } = await storeThat(() => new Response(body, { status }))
    const part = { finalKey: 'recordings/a.mp4', uploadId: 'id', number: 1, from: 0, to: 4 }
    expect(await store.copyPart(part, source).catch(() => 'trouble')).toBe(outcome)
  })

  it.each([200, 204, 404])('given up with the answer %i are gone', async (status) => {
    const { store } = await storeThat(() => new Response(null, { status }))
    await expect(store.abortUpload('recordings/a.mp4', 'id')).resolves.toBeUndefined()
  })
})

describe('a delete', () => {
  it.each([
    [200, 'removed'],
    [204, 'removed'],
    [412, 'refused'],
    [403, 'trouble'],
    [409, 'trouble'],
  ])('answered with %i: %s', async (status, outcome) => {
    const { store } = await storeThat(() => new Response(null, { status }))
    expect(await store.remove('tmp/a', 'abc').catch(() => 'trouble')).toBe(outcome)
  })

  it.each(refusedConditions)(
    'S14: is asked for without a condition where the store has none and says so with %i %s',
    async (status, code) => {
      const { store, requests } = await storeThat(({ headers }) =>
        headers.has('if-match')
          ? new Response(error(code), { status })
          : new Response(null, { status: 204 }),
      )
      expect(await store.remove('tmp/a', 'abc')).toBe('removed')
      expect(requests).toHaveLength(2)
    },
  )
})
