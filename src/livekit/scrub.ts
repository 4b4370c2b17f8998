// Takes secrets out of what LiveKit sends. An auto egress that could not start is reported with its raw request, S3 keys
// and all (livekit.md §0.6). Nothing of LiveKit's may be stored, shown or logged before it went through here.

const secretNames = new Set([
  'accesskey',
  'accesskeyid',
  'secret',
  'secretaccesskey',
  'sessiontoken',
  'assumerolearn',
  'assumeroleexternalid',
  'credentials',
  'accountkey',
  'accountname',
  'password',
  'username',
  'token',
  'apikey',
  'apisecret',
  'streamkey',
])
/** URLs that carry their own credentials: presigned ones, and stream keys in their path. */
const signedQuery = /[?&](x-amz-signature|x-amz-credential|x-goog-signature|sig|signature)=/i

/** A copy of the value without secrets; what was taken out shows as `[removed]`. */
export function scrub(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(scrub)
  if (typeof value === 'string') return scrubText(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isSecret = secretNames.has(name.toLowerCase().replaceAll('_', ''))
      return [name, isSecret && inner !== '' && inner !== null ? '[removed]' : scrub(inner)]
    }),
  )
}

/** Without the query of a signed URL, without passwords in addresses, and without a stream's path, which is its key. */
export function scrubText(text: string): string {
  const open = text.replaceAll(/:\/\/[^\s/?#@]+@/g, '://[removed]@')
  // An address that is the whole text may go on behind a blank with the options of its protocol.
  if (/^(rtmps?|srt):\/\//i.test(open))
    return open.replace(/^(\w+:\/\/[^\s/?]*).*$/s, '$1/[removed]')
  const withoutStreams = open.replaceAll(/\b((?:rtmps?|srt):\/\/[^\s/?]*)\S*/gi, '$1/[removed]')
  return signedQuery.test(withoutStreams)
    ? withoutStreams.replace(/\?.*$/s, '?[removed]')
    : withoutStreams
}
