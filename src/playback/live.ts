// The playlist of a recording that is still running lies in the temp folder, which may be shared: what else lies beside it
// is nobody's business. So each name in it carries a signature, and a segment is reached only with the one that the
// playlist gave it. Nothing has to be remembered or asked for that.

const algorithm = { name: 'HMAC', hash: 'SHA-256' }
/** 128 bits. */
const signatureBytes = 16

/** Signs keys of segments with the secret of the playback tokens. */
export class SegmentSigner {
  readonly #secret: string
  #key: CryptoKey | null = null

  constructor(secret: string) {
    this.#secret = secret
  }

  async sign(egressId: string, key: string): Promise<string> {
    const bytes = new TextEncoder().encode(`live-segment\n${egressId}\n${key}`)
    const signature = new Uint8Array(
      await crypto.subtle.sign('HMAC', await this.#signingKey(), bytes),
    )
    return btoa(String.fromCharCode(...signature.subarray(0, signatureBytes)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace(/=+$/, '')
  }

  /** The one of these keys that was signed; `null` when none was. */
  async find(egressId: string, keys: string[], signature: string): Promise<string | null> {
    const given = new TextEncoder().encode(signature)
    for (const key of keys) {
      const right = new TextEncoder().encode(await this.sign(egressId, key))
      if (given.length === right.length && crypto.subtle.timingSafeEqual(given, right)) return key
    }
    return null
  }

  async #signingKey(): Promise<CryptoKey> {
    this.#key ??= await crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode(this.#secret),
      algorithm,
      false,
      ['sign'],
    )
    return this.#key
  }
}
