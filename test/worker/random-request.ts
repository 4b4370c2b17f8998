// Random requests to an operation of the API's own document: some as its schemas allow, some spoilt as callers, proxies and
// attackers spoil them. Names of things that exist are mixed in, so that more than 404 is reached.
import * as fc from 'fast-check'
import { exampleBody, resolved } from './api-document.ts'
import type { ApiDocument, JsonSchema, Operation, Parameter } from './api-document.ts'

export interface RandomRequest {
  address: string
  method: string
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer> | null
  /** As the document allows it. */
  isValid: boolean
}

const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code))

/** Values that exist, by the name of the field or parameter. */
export type Known = Record<string, readonly string[]>

const oddTexts = [
  '',
  '\0',
  'a\0b',
  '\uD800',
  '𝕽𝖔𝖔𝖒 🎥',
  'Ａ\u202Eé\u0301',
  '<script>alert(1)</script>',
  "'; DROP TABLE recordings; --",
  '../../etc/passwd',
  '%00%2e%2e%2f',
  '%E0%A4%A',
  '9'.repeat(400),
  'x'.repeat(9_000),
  '__proto__',
  'null',
  '-1',
  '1e309',
  '0x10',
  ' 5 ',
  '2026-13-45T99:99:99Z',
  '+275760-09-13T00:00:00Z',
]

const oddValues: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0, 1.5, 1e308, Number.MAX_SAFE_INTEGER + 1, [], {}, [
    [],
  ]),
  fc.constantFrom<unknown>(...oddTexts),
  fc.jsonValue(),
)

export class RandomRequests {
  readonly #document: ApiDocument
  readonly #known: Known

  constructor(document: ApiDocument, known: Known) {
    this.#document = document
    this.#known = known
  }

  /** A request that the document allows. */
  valid(operation: Operation): fc.Arbitrary<RandomRequest> {
    return fc
      .record({
        path: this.#path(operation),
        query: this.#query(operation),
        headers: this.#headers(operation),
        body: this.#validBody(operation),
      })
      .map(({ path, query, headers, body }) => ({
        address: path + search(query),
        method: operation.method,
        headers: { ...headers, ...(body === null ? {} : { 'content-type': 'application/json' }) },
        body,
        isValid: true,
      }))
  }

  /** The same with one or more things wrong. */
  spoilt(operation: Operation): fc.Arbitrary<RandomRequest> {
    return fc
      .record({
        path: fc.oneof(this.#path(operation), this.#oddPath(operation)),
        query: fc.oneof(this.#query(operation), this.#oddQuery(operation)),
        body: fc.oneof(this.#validBody(operation), this.#oddBody(operation)),
        contentType: fc.oneof(
          { weight: 6, arbitrary: fc.constant<string | null>('application/json') },
          fc.constantFrom<string | null>(
            null,
            'text/plain',
            'application/x-www-form-urlencoded',
            'multipart/form-data',
            'application/json; charset=utf-16',
            'APPLICATION/JSON',
            ';;',
          ),
        ),
        headers: fc.oneof(
          { weight: 6, arbitrary: fc.constant({}) },
          fc.constantFrom<Record<string, string>>(
            { range: 'bytes=5-2' },
            { 'if-match': '"' },
            { 'if-match': '*, W/"x' },
            { 'idempotency-key': 'k'.repeat(3_000) },
            { accept: 'text/html', 'accept-language': '*;q=nan' },
            { 'content-encoding': 'gzip' },
          ),
        ),
      })
      .map(({ path, query, body, contentType, headers }) => ({
        address: path + search(query),
        method: operation.method,
        headers: {
          ...headers,
          ...(contentType === null || operation.method === 'GET'
            ? {}
            : { 'content-type': contentType }),
        },
        body: operation.method === 'GET' ? null : body,
        isValid: false,
      }))
  }

  #path(operation: Operation): fc.Arbitrary<string> {
    const named = parametersOf(operation, 'path').map(
      (parameter) => [parameter.name, this.#text(parameter)] as const,
    )
    return fc
      .record(Object.fromEntries(named))
      .map((names) => filled(operation.path, names, encodeURIComponent))
  }

  #oddPath(operation: Operation): fc.Arbitrary<string> {
    const odd = fc.oneof(fc.constantFrom(...oddTexts.filter((text) => text !== '')), fc.string())
    const names = parametersOf(operation, 'path').map(({ name }) => [name, odd] as const)
    return fc
      .tuple(fc.record(Object.fromEntries(names)), fc.boolean())
      .map(([texts, isRaw]) =>
        filled(operation.path, texts, (text) => (isRaw ? rawPath(text) : encoded(text))),
      )
  }

  #query(operation: Operation): fc.Arbitrary<[string, string][]> {
    const parts = parametersOf(operation, 'query').map((parameter) => {
      const value = this.#value(parameter.schema, parameter.name)
      const pairs = value.map((one) => pairsOf(parameter, one))
      return parameter.required === true ? pairs : fc.oneof(fc.constant([]), pairs)
    })
    return fc.tuple(...parts).map((pairs) => pairs.flat())
  }

  /** A header holds visible letters of ASCII, and nothing else. */
  #headers(operation: Operation): fc.Arbitrary<Record<string, string>> {
    const parts = parametersOf(operation, 'header').map(({ name, schema }) => {
      const { minLength = 0, maxLength = 40, pattern } = schema as KnownSchema
      const letters = fc.string({ unit: visible, minLength, maxLength: Math.min(maxLength, 60) })
      const text = pattern === undefined ? letters : fc.stringMatching(new RegExp(pattern))
      const fitting = text.filter((one) => one.length <= maxLength).map((one) => ({ [name]: one }))
      return fc.oneof(fc.constant({}), fitting)
    })
    return fc.tuple(...parts).map((headers) => Object.assign({}, ...headers) as never)
  }

  #oddQuery(operation: Operation): fc.Arbitrary<[string, string][]> {
    const names = parametersOf(operation, 'query').map(({ name }) => name)
    const name = fc.oneof(
      fc.constantFrom(...names, 'limit', 'metadata[a]', 'metadata[__proto__]', '[]'),
      fc.string(),
    )
    const text = fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit: 'binary' }))
    const pair = fc.tuple(name, text)
    return fc.oneof(
      fc.array(pair, { maxLength: 4 }),
      // Given twice.
      pair.map((one): [string, string][] => [one, one]),
    )
  }

  #validBody(operation: Operation): fc.Arbitrary<string | null> {
    const { body } = operation
    if (body === null) return fc.constant(null)
    const example = fc.constant(exampleBody(this.#document, operation) ?? {})
    const any = this.#value(body.schema)
    const value = fc.oneof({ weight: 3, arbitrary: any }, example).map(jsonOf)
    return body.required ? value : fc.oneof(fc.constant(null), value)
  }

  #oddBody(operation: Operation): fc.Arbitrary<RandomRequest['body']> {
    const { body } = operation
    const texts = fc.constantFrom<RandomRequest['body']>(
      '',
      '{',
      'null',
      '[]',
      '"text"',
      '{"a":1}{"b":2}',
      '{"__proto__":{"a":1}}',
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
      `{"key":"${'x'.repeat(300_000)}"}`,
      new Uint8Array([0xff, 0xfe, 0x00, 0x7b]),
      null,
    )
    if (body === null) return texts
    const fields = Object.keys(this.#resolve(body.schema)['properties'] ?? {})
    const field = fc.constantFrom(...fields, '__proto__', 'unknown')
    const broken = fc
      .tuple(
        this.#value(body.schema),
        fc.array(fc.tuple(field, fc.option(oddValues, { nil: undefined })), {
          minLength: 1,
          maxLength: 3,
        }),
      )
      .map(([value, changes]) =>
        JSON.stringify({ ...(value as object), ...Object.fromEntries(changes) }),
      )
    return fc.oneof({ weight: 3, arbitrary: broken }, texts, oddValues.map(jsonOf))
  }

  #text(parameter: Parameter): fc.Arbitrary<string> {
    const value = this.#value(parameter.schema, parameter.name).map(textOf)
    return value.filter((text) => text !== '' && text !== '.' && text !== '..')
  }

  #resolve(schema: JsonSchema): JsonSchema {
    return resolved(this.#document, schema)
  }

  /** Values that a schema allows. */
  #value(unresolved: JsonSchema, name = ''): fc.Arbitrary<unknown> {
    const schema = this.#resolve(unresolved) as KnownSchema
    const alternatives = schema.anyOf ?? schema.oneOf
    if (alternatives !== undefined) {
      return fc.oneof(...alternatives.map((one) => this.#value(one, name)))
    }
    if (schema.allOf !== undefined) {
      return fc
        .tuple(...schema.allOf.map((one) => this.#value(one, name)))
        .map((parts) => Object.assign({}, ...parts) as unknown)
    }
    if (schema.const !== undefined) return fc.constant(schema.const)
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
    const types = [schema.type ?? 'object'].flat()
    return fc.oneof(...types.map((type) => this.#ofType(type, schema, name)))
  }

  #ofType(type: string, schema: KnownSchema, name: string): fc.Arbitrary<unknown> {
    switch (type) {
      case 'null':
        return fc.constant(null)
      case 'boolean':
        return fc.boolean()
      case 'integer':
      case 'number': {
        const least = Math.ceil(schema.minimum ?? (schema.exclusiveMinimum ?? -1_000_001) + 1)
        return fc.integer({ min: least, max: schema.maximum ?? Math.max(1_000_000, least) })
      }
      case 'array': {
        const { minItems: minLength = 0, maxItems: maxLength = minLength + 3 } = schema
        return fc.array(this.#value(schema.items ?? {}), { minLength, maxLength })
      }
      case 'object':
        return this.#object(schema)
      default:
        return this.#string(schema, name)
    }
  }

  #object({ properties, required = [], additionalProperties }: KnownSchema) {
    const fields = Object.entries(properties ?? {}).map(
      ([name, schema]) => [name, this.#value(schema, name)] as const,
    )
    const known = fc.record(Object.fromEntries(fields), { requiredKeys: required })
    if (typeof additionalProperties !== 'object') return known
    const more = fc.dictionary(fc.string({ minLength: 1 }), this.#value(additionalProperties), {
      maxKeys: 3,
    })
    return fc.tuple(more, known).map(([extra, own]) => ({ ...extra, ...own }))
  }

  #string(schema: KnownSchema, name: string): fc.Arbitrary<string> {
    const known = this.#known[name]
    const { minLength = 0, maxLength = minLength + 40, pattern, format } = schema
    if (format === 'date-time') {
      return fc
        .date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
        .map((date) => date.toISOString())
    }
    if (format === 'uri') return fc.webUrl()
    const any =
      pattern === undefined
        ? fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 200) })
        : fc.stringMatching(new RegExp(pattern))
    // Graphemes may be longer than one letter each.
    const fitting = any.filter((text) => text.length >= minLength && text.length <= maxLength)
    if (known === undefined || known.length === 0) return fitting
    return fc.oneof(fitting, { weight: 3, arbitrary: fc.constantFrom(...known) })
  }
}

interface KnownSchema extends JsonSchema {
  type?: string | string[]
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  allOf?: JsonSchema[]
  const?: unknown
  enum?: unknown[]
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: JsonSchema | boolean
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
}

function parametersOf({ parameters }: Operation, place: Parameter['in']): Parameter[] {
  return parameters.filter((parameter) => parameter.in === place)
}

/** An object is written as `name[field]=value`, a list as the name given again and again. */
function pairsOf({ name, style }: Parameter, value: unknown): [string, string][] {
  return style === 'deepObject'
    ? Object.entries(value as object).map(([field, text]) => [`${name}[${field}]`, textOf(text)])
    : [value].flat().map((text) => [name, textOf(text)])
}

function filled(path: string, names: Record<string, string>, write: (text: string) => string) {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => write(names[name] ?? ''))
}

function search(pairs: [string, string][]): string {
  if (pairs.length === 0) return ''
  return `?${pairs.map((pair) => pair.map(encoded).join('=')).join('&')}`
}

/** Half a surrogate pair cannot be encoded. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/** As it is, where an address can hold it. */
function rawPath(text: string): string {
  return text.replaceAll(/[?#]/g, '').toWellFormed() || 'x'
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value)
}
