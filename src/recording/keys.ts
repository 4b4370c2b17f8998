// Object keys: where LiveKit's file may lie, and where its recording ends. Nothing else builds a key. Keys come from
// webhooks, manifests and listings, so none is believed: a `.` or `..` segment would address another object once it
// became a URL, and `temp/..` would even address the bucket (s3.md §3.2). Such a path yields no key at all.

/** S3's limit, in bytes of UTF-8. */
const maxKeyBytes = 1024
/** Leaves room for the prefix, the egress id and a run number within {@link maxKeyBytes}. */
const maxNameBytes = 512

const encoder = new TextEncoder()

/** A unit of UTF-16 takes three bytes at most: most keys need no counting. */
function isLongerThan(bytes: number, text: string): boolean {
  return text.length > bytes / 3 && encoder.encode(text).length > bytes
}

/** An egress id becomes part of a key and the name of an object: letters, digits, `_` and `-` only. */
export function isEgressId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text)
}

/** True when a store addresses exactly this object by this key. */
export function isSafeKey(key: string): boolean {
  if (key === '' || isLongerThan(maxKeyBytes, key)) return false
  if (!key.isWellFormed() || key.includes('\0')) return false
  return key.split('/').every((segment) => segment !== '.' && segment !== '..')
}

/** True when the key lies in the folder; a leading slash, which LiveKit keeps (livekit.md §4.2), does not count. */
export function isUnder(prefix: string, key: string): boolean {
  return plainKey(key).startsWith(plainKey(prefix))
}

/** True for two spellings of one name: R2 keeps keys NFC-normalised, other stores do not (s3.md §4). */
export function isSameKey(a: string, b: string): boolean {
  return plainKey(a) === plainKey(b)
}

/** True when LiveKit may have stored `path` under this key: with or without a prefix of the egress service's own. */
export function isKeyOf(key: string, path: string): boolean {
  const joined = joinPath(path)
  if (joined === null) return false
  const end = plainKey(joined)
  return plainKey(key) === end || plainKey(key).endsWith(`/${end}`)
}

/**
 * The keys under which LiveKit may have stored `path`, likeliest first. The egress service may add a prefix of its own
 * (its `storage.prefix`, which is not in `path`); in our set-up that can only be the temp folder.
 * Empty when the path leads out of its folder: a room may be named `../../recordings`, and LiveKit puts room names into
 * paths as they are (livekit.md §0.9).
 */
export function tempKeys(path: string, tempPrefix: string): string[] {
  const joined = joinPath(path)
  if (joined === null) return []
  const prefixed = joinPath(`${tempPrefix}/${path}`)
  const ordered = isUnder(tempPrefix, joined) ? [joined, prefixed] : [prefixed, joined]
  const spellings = ordered
    .filter((key) => key !== null)
    .flatMap((key) => [key, key.replace(/^\/+/, ''), key.normalize('NFC')])
    .filter((key) => !path.split('/').includes('..') || isUnder(tempPrefix, key))
  return [...new Set(spellings)].filter(isSafeKey)
}

/** The folder of one recording, with its final slash. */
export function finalFolder(finalPrefix: string, egressId: string): string {
  return `${finalPrefix}${egressId}/`
}

/**
 * The name that a file gets in its recording's folder: the last segment of its path, NFC-normalised, without control
 * characters, shortened when a key could not hold it; from the second run on with its number (`video-2.mp4`).
 */
function finalName(path: string, run: number): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out here
  const last = (path.split('/').at(-1) ?? '').normalize('NFC').replace(/[\u0000-\u001f\u007f]/g, '')
  const name = last === '' || last === '.' || last === '..' ? 'recording' : last
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 && name.length - dot <= 8 ? name.slice(dot) : ''
  let stem = name.slice(0, name.length - extension.length)
  while (isLongerThan(maxNameBytes, stem)) stem = Array.from(stem).slice(0, -8).join('')
  return `${stem}${run > 1 ? `-${run}` : ''}${extension}`
}

/** The first name for the file at `path` that is not taken yet. */
export function freeName(path: string, taken: ReadonlySet<string>): string {
  let run = 1
  while (taken.has(finalName(path, run))) run += 1
  return finalName(path, run)
}

/** Where LiveKit puts the manifest of an egress that wrote to `path` (livekit.md §3). */
export function manifestPath(path: string, egressId: string): string {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}${egressId}.json`
}

/**
 * As Go's `path.Join` does it for LiveKit (livekit.md §4.2): `//` and `.` vanish, `..` takes a segment back, a leading
 * slash stays. `null` when nothing is left or the path climbs out of the bucket.
 */
function joinPath(path: string): string | null {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') kept.push(segment)
    else if (kept.pop() === undefined) return null
  }
  return kept.length === 0 ? null : `${path.startsWith('/') ? '/' : ''}${kept.join('/')}`
}

/** The one spelling that stands for all spellings of a key. */
export function plainKey(key: string): string {
  return key.replace(/^\/+/, '').normalize('NFC')
}

/** A name in a recording's folder as part of an address, seen from there; the names of its folders stay apart. */
export function encodeName(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}
