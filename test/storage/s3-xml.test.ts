// What S3 stores write into their answers, as seen on R2, AWS, Ceph and Swift (s3.md): a 200 with an error in it, cut bodies,
// blanks before the XML, pages of proxies. What is not surely a success must not read as one.
import { describe, expect, it } from 'vitest'
import { hasResult, readError, readList, readText, readUploads } from '../../src/storage/s3-xml.ts'

const declaration = '<?xml version="1.0" encoding="UTF-8"?>'
const copied = `${declaration}\n<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;abc&quot;</ETag></CopyObjectResult>`

describe('errors', () => {
  it.each([
    [
      'R2',
      `${declaration}<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`,
      { code: 'NoSuchKey', message: 'The specified key does not exist.' },
    ],
    [
      'AWS, with more fields and a namespace',
      '<Error xmlns="x"><RequestId>1</RequestId><Message>Slow &amp; steady &lt;please&gt;</Message><Code>SlowDown</Code></Error>',
      { code: 'SlowDown', message: 'Slow & steady <please>' },
    ],
    [
      'Ceph, with an empty message',
      '<Error><Code>AccessDenied</Code><Message></Message></Error>',
      { code: 'AccessDenied', message: '' },
    ],
    [
      'Ceph, without a message',
      '<Error><Code>NoSuchBucket</Code></Error>',
      { code: 'NoSuchBucket', message: '' },
    ],
    [
      'one without a code',
      '<Error><Message>no</Message></Error>',
      { code: 'Unknown', message: 'no' },
    ],
    [
      'AWS, after the blanks that keep a long copy alive',
      `   \n\n  ${declaration}\n<Error><Code>InternalError</Code><Message>We failed.</Message></Error>`,
      { code: 'InternalError', message: 'We failed.' },
    ],
    [
      'a numeric code, kept as text',
      '<Error><Code>10058</Code></Error>',
      { code: '10058', message: '' },
    ],
  ])('of %s are read', (_, body, fault) => {
    expect(readError(body)).toEqual(fault)
  })

  it.each([
    '',
    ' ',
    'Service Unavailable',
    '{"error":"no"}',
    '<html><body>502</body></html>',
    copied,
    '<Error',
    '<Errors><Code>x</Code></Errors>',
  ])('are none in %j', (body) => {
    expect(readError(body)).toBeNull()
  })
})

describe('a copy', () => {
  it.each([
    ['as R2 and AWS write it', copied],
    ['after blanks', `  \n${copied}\n`],
    ['without anything in it', '<CopyObjectResult/>'],
    ['with an empty ETag', '<CopyObjectResult><ETag></ETag></CopyObjectResult>'],
  ])('succeeded: %s', (_, body) => {
    expect(hasResult(body, 'CopyObjectResult')).toBe(true)
  })

  it.each([
    ['nothing', ''],
    ['blanks', '   '],
    ['a cut answer', copied.slice(0, -5)],
    ['an answer cut in its first element', copied.slice(0, 80)],
    ['an error', '<Error><Code>SlowDown</Code></Error>'],
    ['another answer', '<CopyPartResult><ETag>"a"</ETag></CopyPartResult>'],
    ['a page of a proxy', '<html><body><p>CopyObjectResult</p></body></html>'],
    ['the name in a text', 'CopyObjectResult'],
  ])('did not succeed: %s', (_, body) => {
    expect(hasResult(body, 'CopyObjectResult')).toBe(false)
  })
})

describe('texts', () => {
  it('are read with their entities', () => {
    expect(readText(copied, 'CopyObjectResult', 'ETag')).toBe('"abc"')
  })

  it.each([
    ['an empty element', '<A><B></B></A>'],
    ['another parent', '<C><B>b</B></C>'],
    ['no element', '<A><C>c</C></A>'],
    ['no XML', 'A B'],
  ])('are none in %s', (_, body) => {
    expect(readText(body, 'A', 'B')).toBeNull()
  })

  it('are not taken for numbers: an upload id may be all digits, and longer than a number is exact', () => {
    const body = '<A><B>00123456789012345678901</B></A>'
    expect(readText(body, 'A', 'B')).toBe('00123456789012345678901')
  })
})

const entry = (key: string) =>
  `<Contents><Key>${key}</Key><Size>10</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag></Contents>`

describe('a list', () => {
  it.each([0, 1, 2])('of %i objects is read', (count) => {
    const entries = Array.from({ length: count }, (_, index) => entry(`tmp%2F${index}`)).join('')
    const list = readList(
      `<ListBucketResult><IsTruncated>false</IsTruncated>${entries}</ListBucketResult>`,
    )
    expect(list?.objects.map(({ key }) => key)).toEqual(
      Array.from({ length: count }, (_, index) => `tmp%2F${index}`),
    )
    expect(list?.nextToken).toBeNull()
  })

  it('has another page when it has a token for it', () => {
    const body = `<ListBucketResult><NextContinuationToken>t1</NextContinuationToken>${entry('a')}</ListBucketResult>`
    expect(readList(body)).toEqual({
      objects: [{ key: 'a', etag: '"e"', sizeBytes: 10, lastModifiedMs: Date.UTC(2026, 0, 1) }],
      nextToken: 't1',
      isTruncated: true,
    })
  })

  it.each([
    ['<EncodingType>url</EncodingType>', 'a%2541+b%2Bc', 'a%41 b+c'],
    ['<EncodingType>url</EncodingType>', '100%', '100%'],
    // A store that does not encode says nothing of it.
    ['', 'a%41+b', 'a%41+b'],
  ])('has its keys plain, whether the store encoded them or not: %s %s', (said, written, key) => {
    const body = `<ListBucketResult>${said}${entry(written)}</ListBucketResult>`
    expect(readList(body)?.objects).toMatchObject([{ key }])
  })

  it.each(['&quot;', '&#34;', '&#x22;', '"'])('has its quotes read, written as %s', (quote) => {
    const [object] =
      readList(
        `<ListBucketResult><Contents><Key>a${quote}b&amp;#34;</Key><ETag>${quote}e${quote}</ETag></Contents></ListBucketResult>`,
      )?.objects ?? []
    expect(object).toMatchObject({ key: 'a"b&#34;', etag: '"e"' })
  })

  it('that was cut anywhere is none: what is not in it would pass for gone', () => {
    const body = `<ListBucketResult>${entry('a')}${entry('b')}<IsTruncated>true</IsTruncated></ListBucketResult>`
    const cuts = Array.from({ length: body.length - 1 }, (_, at) => body.slice(0, at + 1))
    expect(cuts.filter((cut) => readList(cut) !== null)).toEqual([])
  })

  it.each(['', '<Error><Code>NoSuchBucket</Code></Error>', '<html></html>'])(
    'is none in %j',
    (body) => {
      expect(readList(body)).toBeNull()
    },
  )
})

describe('a list of uploads', () => {
  const upload = '<Upload><Key>a%2Bb</Key><UploadId>2~x&amp;y</UploadId></Upload>'
  it.each([
    ['<EncodingType>url</EncodingType>', 'a+b'],
    ['', 'a%2Bb'],
  ])('has its keys plain: %s', (said, key) => {
    const body = `<ListMultipartUploadsResult>${said}${upload}</ListMultipartUploadsResult>`
    expect(readUploads(body)).toEqual([{ key, uploadId: '2~x&y' }])
  })

  it.each(['', '<ListBucketResult></ListBucketResult>', '<ListMultipartUploadsResult/>', '<html>'])(
    'is empty in %j',
    (body) => {
      expect(readUploads(body)).toEqual([])
    },
  )
})
