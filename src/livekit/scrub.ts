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
  'passphrase',
  'token',
  'accesstoken',
  'authtoken',
  'authorization',
  'apikey',
  'apisecret',
  'clientsecret',
  'privatekey',
  'privatekeyid',
  'streamkey',
])
/** URLs that carry their own credentials: presigned ones, and stream keys in their path. */
const signedQuery = /[?&](x-amz-signature|x-amz-credential|x-goog-signature|sig|signature)=/i

/** The query of any other address: what stands under such a name is taken out, and the rest is left. */
const secretQuery =
  /([?&](?:[\w-]*(?:token|secret|password|passphrase|access_?key(?:_?id)?)|(?:api[_-]?|stream_?)?key|auth|credentials)=)[^&#\s"'<>\\]+/gi

/** A secret within a sentence: as JSON, or as a program prints its own values. */
const printedSecret =
  /\b((?:aws_?)?access_?key(?:_?id)?|(?:client_?)?secret(?:_?access_?key)?|api_?(?:key|secret)|(?:access|auth|session)_?token|(?:account|private|stream)_?key|password|passphrase)(\\*"?[:=] ?)(?!\[removed\])("(?:[^"\\]|\\.)*"|[^\s,}]+)/gi
/** Two words that stand in many a sentence, where no secret follows: `invalid token: expired`, `credentials: none found`. */
const printedToken = /\b(token)(=|\\*": ?)(?!\[removed\])("(?:[^"\\]|\\.)*"|[^\s,}]+)/gi
const printedCredentials =
  /\b(credentials)(\\*"?[:=] ?)(?![a-z]+ +[a-z]|\[removed\])("(?:[^"\\]|\\.)*"|[^\s,}]+)/gi
/** The header of a request, and a token that carries its own signature, wherever it stands. */
const printedHeader = /\b(authorization\W{1,6}(?:bearer|basic) +)[^\s,"'}\]\\]+/gi
const signedToken = /(?<![\w-])eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*/g
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

/** Without the query of a signed URL, without passwords and tokens in addresses, and without a stream's path, which is its key. */
export function scrubText(text: string): string {
  const open = text
    .replaceAll(/:\/\/[^\s/?#@]+@/g, '://[removed]@')
    .replaceAll(keyAddress, '$1://[removed]')
    .replaceAll(secretQuery, '$1[removed]')
    .replaceAll(signedToken, '[removed]')
    .replaceAll(printedHeader, '$1[removed]')
    .replaceAll(printedSecret, '$1$2[removed]')
    .replaceAll(printedToken, '$1$2[removed]')
    .replaceAll(printedCredentials, '$1$2[removed]')
  // An address that is the whole text may go on behind a blank with the options of its protocol.
  if (/^(rtmps?|srt):\/\//i.test(open))
    return open.replace(/^(\w+:\/\/[^\s/?]*).*$/s, '$1/[removed]')
  const withoutStreams = open.replaceAll(/\b((?:rtmps?|srt):\/\/[^\s/?]*)\S*/gi, '$1/[removed]')
  return signedQuery.test(withoutStreams)
    ? withoutStreams.replace(/\?.*$/s, '?[removed]')
    : withoutStreams
}
