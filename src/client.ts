// The types of the API for TypeScript callers: `hc<RoomtapeApi>(url)` of hono/client. `npm run client` writes what follows
// from the routes into client.d.ts, spelt out, so that a caller's compiler needs neither our sources nor a Worker's types.
// Types only: nothing imports this file when the Worker runs.
import type { Hono } from 'hono'
import type { BlankEnv, ExtractSchema } from 'hono/types'
import type { api } from './app.ts'
import type { RecordingJson } from './routes/recording-json.ts'

/** Every error: RFC 9457, with a stable `code`. */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail: string
  [extension: string]: unknown
}

/** A recording as the API writes it. */
export type Recording = typeof recording

/** For `hc<RoomtapeApi>(url)`. */
export type RoomtapeApi = Hono<BlankEnv, typeof schema>

/** Spelt out, except for what has a name here. */
type Plain<T> =
  T extends Pick<Problem, 'title' | 'status' | 'code' | 'detail'>
    ? Problem
    : T extends object
      ? { [K in keyof T]: K extends 'input' ? Input<T[K]> : Plain<T[K]> }
      : T

/** Headers and queries of which nothing is required need not be given at all. */
type Input<T> = Plain<
  { [K in keyof T as {} extends T[K] ? never : K]: T[K] } & {
    [K in keyof T as {} extends T[K] ? K : never]?: K extends 'query' ? Query<T[K]> : T[K]
  }
>

/** hono writes each field of a query as one parameter: an object is given as its parameters, `name[key]`. */
type Query<T> = {
  [K in keyof T as IsFields<T[K]> extends true ? `${K & string}[${string}]` : K]: IsFields<
    T[K]
  > extends true
    ? string | string[]
    : T[K]
}

type IsFields<T> = [T] extends [Record<string, string> | undefined] ? true : false

// A declaration file spells out what was inferred, and nothing else.
declare const inferredRecording: Plain<RecordingJson>
declare const inferredSchema: Plain<ExtractSchema<typeof api>>
export const recording = inferredRecording
export const schema = inferredSchema
