// A recording as the API writes it: the schema that documents it and the translation from what the catalogue keeps.
// Times are RFC 3339 with milliseconds.
import { z } from '@hono/zod-openapi'
import { fileKinds, recordingKinds } from '../recording/observation.ts'
import type { Recording } from '../recording/recording.ts'
import { statuses } from '../recording/status.ts'

export const time = z.iso.datetime().openapi({ example: '2026-01-01T00:00:00.000Z' })

/** The path of a route about one recording. */
export const EgressIdParams = z.object({
  egressId: z.string().openapi({ example: 'EG_2aB3cD4eF5gH' }),
})

const FileSchema = z
  .object({
    name: z.string().openapi({ example: 'video.mp4' }),
    kind: z.enum(fileKinds),
    contentType: z.string(),
    sizeBytes: z.number().int().nullable(),
    durationMs: z.number().int().nullable(),
    key: z
      .string()
      .nullable()
      .openapi({ description: 'Where it lies now; null while nobody has seen it' }),
    state: z.enum(['expected', 'in_temp', 'moving', 'final', 'missing', 'quarantined']),
    path: z.string().optional().openapi({
      description: 'Of a playlist that is still in the temp folder: LiveKit’s own name of it',
    }),
    missing: z
      .array(z.string())
      .optional()
      .openapi({ description: 'Of a playlist: segments that it names and nobody found' }),
  })
  .openapi('RecordingFile')

export const RecordingSchema = z
  .object({
    egressId: z.string().openapi({ example: 'EG_2aB3cD4eF5gH' }),
    roomId: z.string().nullable(),
    roomName: z.string().nullable(),
    kind: z.enum(recordingKinds).nullable(),
    status: z.enum(statuses),
    egressStatus: z
      .string()
      .nullable()
      .openapi({ description: 'LiveKit’s own last word, as it came' }),
    title: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
    durationMs: z.number().int().nullable(),
    sizeBytes: z.number().int().nullable(),
    files: z.array(FileSchema),
    progress: z.object({ doneBytes: z.number().int(), totalBytes: z.number().int() }).nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    partial: z.boolean().openapi({ description: 'A playable file of an egress that failed' }),
    limitReached: z.boolean(),
    backup: z.boolean().openapi({ description: 'The file came from LiveKit’s backup storage' }),
    recoveredBy: z
      .enum(['livekit', 'manifest', 'object'])
      .nullable()
      .openapi({ description: 'The witness that told of the end when no webhook did' }),
    attention: z.string().nullable().openapi({ description: 'Why a person should look' }),
    expiresAt: time.nullable(),
    legalHold: z.boolean(),
    removeAt: time.nullable().openapi({
      description: 'Of a deleted recording: when its bytes go; until then it can be restored',
    }),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Recording')

export type RecordingJson = z.infer<typeof RecordingSchema>

/** @param updatedAtMs when the catalogue got this row */
export function toJson(recording: Recording, updatedAtMs: number): RecordingJson {
  const {
    startedAtMs,
    endedAtMs,
    expiresAtMs,
    removeAtMs,
    createdAtMs,
    egressEndedAtMs: _ended,
    listed: _listed,
    ...same
  } = recording
  return {
    ...same,
    startedAt: timeOf(startedAtMs),
    endedAt: timeOf(endedAtMs),
    expiresAt: timeOf(expiresAtMs),
    removeAt: timeOf(removeAtMs),
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  }
}

export function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
