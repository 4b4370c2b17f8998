// API keys: `roomtape_<id>_<secret>`. The prefix lets secret scanners and people recognise one, the id finds its row without
// telling anything, the secret is 200 random bits. What is stored is the SHA-256 of the whole key: a slow hash protects
// what people make up and can be guessed; 2^200 values cannot be tried with any hash, and a fast one costs each request
// nothing. The key itself is shown once and kept nowhere.

const prefix = 'roomtape'
/** Without letters that are taken for one another; a byte's lower five bits choose one, each as likely. */
const alphabet = 'abcdefghjkmnpqrstvwxyz0123456789'
const idLetters = 16
const secretLetters = 40
const pattern = new RegExp(
  `^${prefix}_([${alphabet}]{${idLetters}})_[${alphabet}]{${secretLetters}}$`,
)

export interface NewKey {
  keyId: string
  /** Shown once. */
  key: string
}

export function newKey(): NewKey {
  const keyId = randomLetters(idLetters)
  return { keyId, key: `${prefix}_${keyId}_${randomLetters(secretLetters)}` }
}

/** The id in what looks like an API key; `null` for anything else. */
export function keyIdOf(token: string): string | null {
  return pattern.exec(token)?.[1] ?? null
}

/** What is stored of a key. */
export async function hashOf(key: string): Promise<string> {
  const bytes = new Uint8Array(await digest(key))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Compares secrets in constant time; their hashes have one length, so that not even the length is told. */
export async function isSameSecret(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)])
  return crypto.subtle.timingSafeEqual(left, right)
}

async function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
}

function randomLetters(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('')
}
