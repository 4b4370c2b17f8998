// The API's own document against the running Worker. Whatever is asked, as the document allows or spoilt in every way, the
// answer is one that the document describes: status, type and body. What a schema forbids is refused. Nothing is a 500.
import Ajv2020 from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import { default as addFormats } from 'ajv-formats'
import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { apiDocument, operationsOf } from './api-document.ts'
import type { ApiDocument, JsonSchema, Operation } from './api-document.ts'
import { made as madeKey } from './api-keys.ts'
import { wholeLife } from '../egress-events.ts'
import { upload } from './outside.ts'
import { RandomRequests } from './random-request.ts'
import type { Known, RandomRequest } from './random-request.ts'
import { asAdmin, catalogued, recorded, request, until, webhooks } from './story.ts'

const validRuns = 40
const spoiltRuns = 60

/** Refusals of what a schema cannot say. */
const semanticCodes = new Set([
  'bad-cursor',
  'bad-expiry',
  'bad-key',
  'bad-prefix',
  'cursor-of-another-query',
])

/** Which fields go with which type of egress, and that days are in order, no schema says. */
const semanticOperations = new Set(['startRecording', 'readStats'])

let document: ApiDocument
let known: Known

beforeEach(async () => {
  // Outages are told in the log, and there are none of them here.
  vi.spyOn(console, 'info').mockReturnValue()
  document = await apiDocument()
  known = await world()
})

/** One of everything. */
async function world(): Promise<Known> {
  const story = recorded()
  await upload(story.filename, '0123456789')
  await webhooks(...wholeLife(story))
  const { egressId } = await until(story.egressId, ({ status }) => status === 'ready')
  const failed = await catalogued({ status: 'failed', files: [], error: null })
  const started = await asAdmin('/v1/recordings', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'room_composite', roomName: 'running', layout: 'grid' }),
  })
  const running = await started.json<{ egressId: string }>()
  const orphan = 'tmp/orphans/video.mp4'
  await upload(orphan, '0123456789')
  await env.DB.prepare(
    `INSERT INTO temp_objects (temp_key, etag, size_bytes, last_modified_ms, first_seen_ms)
     VALUES (?1, 'etag', 10, 0, 0) ON CONFLICT (temp_key) DO NOTHING`,
  )
    .bind(orphan)
    .run()
  const links: string[] = []
  const tokens: string[] = []
  for (let count = 0; count < 3; count++) {
    const response = await asAdmin(`/v1/recordings/${egressId}/links`, { method: 'POST' })
    const link = await response.json<{ linkId: string; url: string }>()
    links.push(link.linkId)
    tokens.push(new URL(link.url).pathname.split('/').at(-1) ?? '')
  }
  const { keyId } = await madeKey({ scopes: ['read'] })
  return {
    egressId: [egressId, running.egressId, failed.egressId, 'EG_unknown'],
    linkId: links,
    token: tokens,
    keyId: [keyId],
    path: ['video.mp4'],
    file: ['video.mp4'],
    room: ['standup'],
    key: [orphan],
    prefix: ['elsewhere/'],
    cursor: [],
  }
}

class Judge {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true })
  readonly #compiled = new Map<string, ValidateFunction>()

  constructor(api: ApiDocument) {
    addFormats(this.#ajv)
    const whole = closed(api)
    // What others are made of stays open, or nothing could be added to it.
    for (const [, name = ''] of JSON.stringify(api).matchAll(
      /"allOf":\[\{"\$ref":"[^"]*\/(\w+)"/g,
    )) {
      whole.components.schemas[name] = api.components.schemas[name] ?? {}
    }
    for (const [name, schema] of Object.entries({ api, closed: whole })) {
      const $id = `https://roomtape.test/${name}`
      this.#ajv.addSchema({ $id, ...schema }, undefined, false, false)
    }
  }

  /** What is wrong with an answer; empty when the document describes it. */
  faults(operation: Operation, status: number, type: string | null, text: string): string {
    const answer = operation.answers[status]
    if (answer === undefined) return `status ${status} is not documented`
    const types = Object.keys(answer.content ?? {})
    if (types.length === 0) return text === '' ? '' : 'a body is not documented'
    const [mediaType = ''] = (type ?? '').split(';')
    if (!types.includes(mediaType)) return `type ${type} is not documented`
    if (!mediaType.endsWith('json')) return ''
    const at = ['responses', String(status), 'content', mediaType, 'schema']
    return this.#check('closed', operation, at, JSON.parse(text))
  }

  /** True when the document forbids the body. */
  isForbidden(operation: Operation, body: RandomRequest['body']): boolean {
    if (operation.body === null || typeof body !== 'string') return false
    try {
      const value: unknown = JSON.parse(body)
      const at = ['requestBody', 'content', 'application/json', 'schema']
      return this.#check('api', operation, at, value) !== ''
    } catch {
      // No JSON at all.
      return true
    }
  }

  #check(which: 'api' | 'closed', operation: Operation, at: string[], value: unknown): string {
    const parts = ['paths', operation.path, operation.method.toLowerCase(), ...at]
    const pointer = `${which}#/${parts
      .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
      .map(encodeURIComponent)
      .join('/')}`
    const validate =
      this.#compiled.get(pointer) ?? this.#ajv.compile({ $ref: `https://roomtape.test/${pointer}` })
    this.#compiled.set(pointer, validate)
    return validate(value) ? '' : this.#ajv.errorsText(validate.errors)
  }
}

/** An object has no other fields than those that are described; ours say so where they hold more. */
function closed<T>(schema: T, isPart = false): T {
  if (Array.isArray(schema)) return schema.map((one) => closed<unknown>(one, isPart)) as T
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, closed<unknown>(value, name === 'allOf')]),
  ) as JsonSchema
  const isOpen = copy['properties'] !== undefined && copy['additionalProperties'] === undefined
  const isWhole = copy['allOf'] !== undefined || (isOpen && copy['type'] !== undefined)
  return (isWhole && !isPart ? { ...copy, unevaluatedProperties: false } : copy) as T
}

async function send(
  sent: RandomRequest,
): Promise<{ status: number; type: string | null; text: string }> {
  const response = await asAdmin(sent.address, {
    method: sent.method,
    headers: sent.headers,
    ...(sent.body === null ? {} : { body: sent.body }),
  })
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type'), text }
}

/** What changes least comes first; what was dismissed can be adopted, but not the other way round. */
function inOrder(operations: Operation[]): Operation[] {
  const order = ['GET', 'POST', 'PATCH', 'DELETE']
  return operations.toSorted(
    (a, b) => order.indexOf(a.method) - order.indexOf(b.method) || (a.path < b.path ? 1 : -1),
  )
}

describe('the API document', () => {
  it('is OpenAPI 3.1, and names, tags and describes every operation', async () => {
    expect(document.openapi).toBe('3.1.0')
    expect(await apiDocument()).toEqual(document)
    const operations = operationsOf(document)
    const ids = operations.map(({ operationId }) => operationId)
    for (const { name, operationId, tags, summary, parameters, body, answers } of operations) {
      expect(operationId, name).toMatch(/^[a-z][A-Za-z]+$/)
      expect(tags, name).toHaveLength(1)
      expect(summary.length, name).toBeGreaterThan(4)
      const isTaking = body !== null || parameters.some((parameter) => parameter.in !== 'path')
      if (isTaking) expect(Object.keys(answers), name).toContain('400')
    }
    expect(new Set(ids).size).toBe(ids.length)
    const isGuarded = operations.filter(({ path }) => path.startsWith('/v1/'))
    for (const { name, scope, answers } of isGuarded) {
      expect(scope, name).not.toBeNull()
      expect(Object.keys(answers), name).toEqual(
        expect.arrayContaining(['401', '403', '429', '503']),
      )
    }
  })

  it('describes every answer to what it allows', { timeout: 240_000 }, async () => {
    const judge = new Judge(document)
    const successes = new Set<string>()
    for (const operation of inOrder(operationsOf(document))) {
      // What one operation has stopped or deleted is not there for the next one.
      const isFinal = operation.method !== 'GET' && operation.path.includes('{egressId}')
      const requests = new RandomRequests(document, isFinal ? await world() : known)
      await fc.assert(
        fc.asyncProperty(requests.valid(operation), async (sent) => {
          const { status, type, text } = await send(sent)
          expect(judge.faults(operation, status, type, text)).toBe('')
          const code = status === 400 ? (JSON.parse(text) as { code: string }).code : null
          const isSaid = code === null || semanticCodes.has(code)
          expect(isSaid || semanticOperations.has(operation.operationId), text).toBe(true)
          if (status < 400) successes.add(operation.name)
        }),
        { numRuns: validRuns },
      )
    }
    const missed = operationsOf(document).map(({ name }) => name)
    expect(missed.filter((name) => !successes.has(name))).toEqual(['POST /webhooks/livekit'])
  })

  it(
    'describes every answer to what it does not allow, and what it forbids is refused',
    { timeout: 240_000 },
    async () => {
      const judge = new Judge(document)
      const requests = new RandomRequests(document, known)
      for (const operation of inOrder(operationsOf(document))) {
        await fc.assert(
          fc.asyncProperty(requests.spoilt(operation), async (sent) => {
            const { status, type, text } = await send(sent)
            // An address may be spoilt so far that it is another one.
            if (text.includes('"no-such-route"')) return
            expect(judge.faults(operation, status, type, text)).toBe('')
            if (judge.isForbidden(operation, sent.body)) expect(status).toBeGreaterThanOrEqual(400)
          }),
          { numRuns: spoiltRuns },
        )
      }
    },
  )

  it('describes the refusals of whoever may not call', async () => {
    const judge = new Judge(document)
    for (const operation of operationsOf(document)) {
      if (operation.scope === null) continue
      const address = operation.path.replaceAll(/\{\w+\}/g, 'none')
      const response = await request(address, { method: operation.method })
      const { status, headers } = response
      const type = headers.get('content-type')
      expect(status, operation.name).toBe(401)
      expect(judge.faults(operation, status, type, await response.text()), operation.name).toBe('')
    }
  })

  it('describes the answers while the catalogue is away', async () => {
    const errors = vi.spyOn(console, 'error').mockReturnValue()
    for (const table of ['recordings', 'links', 'keys', 'temp_objects', 'sweep', 'sweep_reports']) {
      await env.DB.exec(`ALTER TABLE ${table} RENAME TO away_${table}`)
    }
    const judge = new Judge(document)
    const requests = new RandomRequests(document, known)
    for (const operation of inOrder(operationsOf(document))) {
      await fc.assert(
        fc.asyncProperty(requests.valid(operation), async (sent) => {
          const { status, type, text } = await send(sent)
          expect(judge.faults(operation, status, type, text)).toBe('')
        }),
        { numRuns: 4 },
      )
    }
    expect(errors).toHaveBeenCalled()
  })
})
