// A recording's timeline for a reader at a terminal: one line for each thing that was seen, decided or done, and which
// witness was the first to supply what. Pure; it shows what the API answered and adds nothing of its own.

export interface TimelineItem {
  at: string
  source: string
  type: string
  detail: Record<string, unknown>
}

interface OutputDetail {
  kind?: string
  path?: string
  sizeBytes?: number | null
}

interface ObjectDetail {
  key?: string
  sizeBytes?: number
}

const longestDetail = 110

/** One line each: seconds since the first, who, what, and the detail that matters. */
export function timelineLines(items: TimelineItem[]): string[] {
  const startMs = Date.parse(items[0]?.at ?? '')
  return items.map(({ at, source, type, detail }) => {
    const seconds = ((Date.parse(at) - startMs) / 1000).toFixed(2).padStart(6)
    return `${seconds} s  ${source.padEnd(8)}  ${type.padEnd(18)}  ${detailWords(detail)}`.trimEnd()
  })
}

/** Which witness first told of what, and in which message. */
export function suppliers(items: TimelineItem[]): { what: string; source: string; type: string }[] {
  return Object.entries(facts).flatMap(([what, isTold]) => {
    const first = items.find(isTold)
    return first === undefined ? [] : [{ what, source: first.source, type: first.type }]
  })
}

const facts: Record<string, (item: TimelineItem) => boolean> = {
  'the room’s name': ({ detail }) => typeof detail['roomName'] === 'string',
  'the file’s name': (item) => outputsOf(item).some((output) => output.path !== undefined),
  'that it ended': ({ source, type, detail }) =>
    /COMPLETE|FAILED|ABORTED|LIMIT_REACHED/.test(words(detail['status'] ?? '')) ||
    source === 'object' ||
    type === 'file.discovered',
  'the file’s size': (item) =>
    outputsOf(item).some((output) => typeof output.sizeBytes === 'number') ||
    typeof item.detail['sizeBytes'] === 'number' ||
    Array.isArray(item.detail['objects']),
  'the file itself': ({ type }) => type === 'file.found' || type === 'file.discovered',
  'a verified copy': ({ type }) => type === 'file.verified',
}

function detailWords(detail: Record<string, unknown>): string {
  const output = outputsOf({ detail }).find((known) => known.kind !== 'manifest')
  const object = Array.isArray(detail['objects']) ? (detail['objects'] as ObjectDetail[])[0] : null
  const parts = [
    detail['status'],
    'to' in detail ? `${words(detail['from'] ?? 'nothing')} → ${words(detail['to'])}` : undefined,
    detail['as'] === undefined ? undefined : `as ${words(detail['as'])}`,
    output?.path,
    detail['key'] ?? object?.key ?? detail['file'],
    bytes(detail['sizeBytes'] ?? object?.sizeBytes ?? output?.sizeBytes),
    detail['why'] ?? detail['message'] ?? detail['error'],
  ]
  const text = parts.filter((part) => part !== undefined && part !== null).map(words)
  return shortened(text.join('  '))
}

function outputsOf({ detail }: Pick<TimelineItem, 'detail'>): OutputDetail[] {
  const outputs = detail['outputs']
  return Array.isArray(outputs) ? (outputs as OutputDetail[]) : []
}

function bytes(size: unknown): string | undefined {
  return typeof size === 'number' ? `${size.toLocaleString('en')} bytes` : undefined
}

function words(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function shortened(text: string): string {
  return text.length > longestDetail ? `${text.slice(0, longestDetail - 1)}…` : text
}
