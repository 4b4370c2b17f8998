// What is taken out of LiveKit's messages before they are stored, shown or logged, and what must stay readable. Written
// for auto egresses that could not start: LiveKit reports them with the storage secrets in clear.
import { describe, expect, it } from 'vitest'
import { scrub, scrubText } from '../../src/livekit/scrub.ts'

describe('secrets in a message of LiveKit', () => {
  it.each([
    ['S3', { s3: { accessKey: 'leak-1', secret: 'leak-2', sessionToken: 'leak-3' } }],
    ['S3 by role', { s3: { assumeRoleArn: 'leak-1', assumeRoleExternalId: 'leak-2' } }],
    ['Google', { gcp: { credentials: '{"private_key":"leak-1"}' } }],
    ['Azure', { azure: { accountName: 'leak-1', accountKey: 'leak-2' } }],
    ['Alibaba', { aliOSS: { accessKey: 'leak-1', secret: 'leak-2' } }],
    ['a proxy', { proxy: { url: 'http://proxy.example', username: 'leak-1', password: 'leak-2' } }],
    ['names in snake_case', { s3: { access_key: 'leak-1', session_token: 'leak-2' } }],
    ['a secret that is no string', { s3: { secret: { inner: 'leak-1' } } }],
    ['a secret in a list in a list', { outputs: [[{ s3: { secret: 'leak-1' } }]] }],
    ['an RTMP address', { urls: ['rtmp://a.rtmp.youtube.com/live2/leak-1'] }],
    ['an RTMPS address', { urls: ['RTMPS://live.example:443/app/leak-1'] }],
    ['an SRT address', { url: 'srt://live.example:9000?streamid=leak-1&passphrase=leak-2' }],
    ['a stream address with a password', { url: 'rtmp://me:leak-1@live.example/app/leak-2' }],
    [
      'a stream address within a sentence',
      { error: 'could not connect to rtmps://x.tv/app/leak-1' },
    ],
    ['two stream addresses in one text', { error: 'rtmp://a.tv/leak-1, rtmp://b.tv/leak-2' }],
    ['a Mux and a Twitch stream', { urls: ['mux://leak-1', 'Twitch://leak-2'] }],
    ['a Twitch stream within a sentence', { error: 'could not connect to twitch://leak-1' }],
    [
      'a request in v2',
      {
        egress: {
          storage: { s3: { secret: 'leak-1' } },
          outputs: [{ storage: { aliOSS: { accessKey: 'leak-2' } } }],
        },
      },
    ],
    [
      'a request printed in a sentence',
      { error: 'bad request: s3:{access_key:"leak-1" secret:"leak-2"}' },
    ],
    [
      'a request as JSON in a sentence',
      { details: 'bad request {"s3":{"accessKey":"leak-1","secret": "leak \\" leak-2"}}' },
    ],
    [
      'a request as JSON in JSON',
      { details: '"{\\"accessKey\\":\\"leak-1\\",\\"secret\\":\\"leak-2\\"}"' },
    ],
    [
      'a request in Go’s own words',
      { error: 'config &{AccessKey:leak-1 Secret:leak-2 SessionToken:leak-3}' },
    ],
    [
      'a presigned S3 address',
      { location: 'https://s.example/v.mp4?X-Amz-Date=1&X-Amz-Signature=leak-1' },
    ],
    ['a presigned Google address', { location: 'https://g.example/v?X-Goog-Signature=leak-1' }],
    [
      'S3’s older and newer names in an address',
      {
        url: 'https://s.example/v?AWSAccessKeyId=leak-1&Expires=1',
        customBaseUrl: 'https://s.example/v?X-Amz-Security-Token=leak-2#start',
      },
    ],
    ['the address of a page', { url: 'https://app.example/rec?access_token=leak-1&layout=grid' }],
    ['the address of a socket', { websocketUrl: 'wss://app.example/audio?room=r&key=leak-1' }],
    ['a socket with a password', { websocketUrl: 'wss://me:leak-1@app.example/audio' }],
    [
      'addresses within a sentence',
      { error: 'no answer: https://a.example/?api_key=leak-1, wss://b.example/?Token=leak-2' },
    ],
    ['a header', { error: 'refused (Authorization: Bearer leak-1)' }],
    ['a header as Go prints it', { error: 'map[Authorization:[Basic leak-1] Host:[s.example]]' }],
    ['a token of LiveKit’s', { error: 'not for eyJhbGciOi.eyJpc3MiOi.leak-1' }],
    ['names and values', { error: 'api_key=leak-1 token=leak-2 AWSAccessKeyId=leak-3' }],
    [
      'Google’s in a sentence',
      { error: 'bad request: gcp:{credentials:"{\\"a\\":\\"leak-1\\"}"}' },
    ],
    ['Google’s alone', { details: 'credentials: leak-1' }],
    ['Google’s own JSON', { details: '{"private_key": "-- leak-1", "token": "leak-2"}' }],
    ['a shared Azure address', { location: 'https://a.example/v?sv=1&sig=leak-1' }],
  ])('go out of %s', (_, message) => {
    expect(JSON.stringify(message)).toContain('leak-1')
    const clean = JSON.stringify(scrub(message))
    expect(clean).not.toContain('leak-')
    expect(clean).toContain('[removed]')
  })

  it('leave what people need to understand the message', () => {
    const message = {
      roomName: 'standup',
      s3: { bucket: 'recordings', region: 'auto', endpoint: 'https://s3.example', secret: 'x' },
      webhooks: [{ url: 'https://app.example/hook?start=ST_1&recording=1', signingKey: 'APIkey' }],
      url: 'https://app.example/stage?layout=grid&author=ann&monkey=1&tokens=3',
      filename: 'tmp/a?key/my token.mp4',
      size: '12',
      ok: true,
      none: null,
    }
    expect(scrub(message)).toEqual({ ...message, s3: { ...message.s3, secret: '[removed]' } })
  })

  it.each([
    'AccessDenied: Access Denied',
    'the secret of the room: nobody knows',
    'token expired; password required',
    'invalid token: signature is invalid',
    'failed to refresh cached credentials: no EC2 IMDS role found',
    'authorization: denied by a policy of the bucket',
    'object key=tmp/video.mp4 was not found',
    'InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.',
  ])('leave a sentence as it is: %s', (sentence) => {
    expect(scrubText(sentence)).toBe(sentence)
  })

  it('stop where a message is nested deeper than anything that LiveKit says', () => {
    let deep: unknown = 'ground'
    for (let level = 0; level < 100_000; level += 1) deep = level % 2 === 0 ? [deep] : { deep }
    const clean = JSON.stringify(scrub({ top: 'seen', deep }))
    expect(clean).toContain('seen')
    expect(clean).not.toContain('ground')
  })

  it('do not make empty fields look as if something had been there', () => {
    expect(scrub({ secret: '', accessKey: null })).toEqual({ secret: '', accessKey: null })
  })

  it('keep the rest of an address, so that a person knows what was called', () => {
    expect(scrubText('https://app.example/rec?access_token=key&layout=grid#top')).toBe(
      'https://app.example/rec?access_token=[removed]&layout=grid#top',
    )
  })

  it('keep the host of a stream, so that a person knows which one failed', () => {
    expect(scrubText('rtmp://a.rtmp.youtube.com/live2/key')).toBe(
      'rtmp://a.rtmp.youtube.com/[removed]',
    )
    expect(scrubText('lost rtmp://a.tv/app/key after 3 tries')).toBe(
      'lost rtmp://a.tv/[removed] after 3 tries',
    )
  })
})
