// A configuration for tests of what speaks LiveKit.
import type { Config } from '../../src/config.ts'

export function config(
  changes: Partial<Pick<Config, 'egressUpload'>> & { livekitUrl?: string; endpoint?: string } = {},
): Config {
  const { livekitUrl = 'wss://livekit.example', egressUpload = 'request' } = changes
  const endpoint = new URL(changes.endpoint ?? 'https://store.example')
  return {
    livekit: {
      url: new URL(livekitUrl),
      apiKey: 'APIkey',
      apiSecret: 'a-secret-of-thirty-two-characters',
      keys: new Map(),
    },
    storage: {
      endpoint,
      publicEndpoint: endpoint,
      region: 'auto',
      bucket: 'recordings',
      urlStyle: 'path',
      accessKeyId: 'access',
      secretAccessKey: 'secret',
    },
    tempPrefix: 'temp/',
    finalPrefix: 'recordings/',
    publicUrl: null,
    egressUpload,
    silentAfterMs: 600_000,
    graceMs: 3_600_000,
    maxSessionMs: 43_200_000,
    trashMs: 0,
    multipartAboveBytes: 1,
    partBytes: 1,
    subrequests: 45,
    playbackTtlSeconds: 3600,
    adminToken: 'admin',
    playbackSecret: 'playback',
    corsOrigins: new Set(),
    embedOrigins: [],
    downloads: 'redirect',
  }
}
