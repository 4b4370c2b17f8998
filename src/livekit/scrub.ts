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

/** A secret within a sentence: as JSON, or as a program prints its own values. */
const printedSecret =
  /\b(access_?key(?:_?id)?|secret(?:_?access_?key)?|session_?token|account_?key|password|stream_?key)(\\*"?[:=] ?)("(?:[^"\\]|\\.)*"|[^\s,}]+)/gi
/** Two short forms that LiveKit takes for streams: what follows is the key and nothing else. */
const keyAddress = /\b(mux|twitch):\/\/\S+/gi
/** Nothing of LiveKit's is nested deeper; what is would be more than the stack holds. */
const deepest = 64

/** A copy of the value without secrets; what was taken out shows as `[removed]`. */
export function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === deepest) return '[too deep]'
  if (Array.isArray(value)) return value.map((inner) => scrub(inner, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isSecret = secretNames.has(name.toLowerCase().replaceAll('_', ''))
      return [
        name,
        isSecret && inner !== '' && inner !== null ? '[removed]' : scrub(inner, depth + 1),
      ]
    }),
  )
}

/** Without the query of a signed URL, without passwords in addresses, and without a stream's path, which is its key. */
export function scrubText(text: string): string {
  const open = text
    .replaceAll(/:\/\/[^\s/?#@]+@/g, '://[removed]@')
    .replaceAll(keyAddress, '$1://[removed]')
    .replaceAll(printedSecret, '$1$2[removed]')
  // An address that is the whole text may go on behind a blank with the options of its protocol.
  if (/^(rtmps?|srt):\/\//i.test(open))
    return open.replace(/^(\w+:\/\/[^\s/?]*).*$/s, '$1/[removed]')
  const withoutStreams = open.replaceAll(/\b((?:rtmps?|srt):\/\/[^\s/?]*)\S*/gi, '$1/[removed]')
  return signedQuery.test(withoutStreams)
    ? withoutStreams.replace(/\?.*$/s, '?[removed]')
    : withoutStreams
}
