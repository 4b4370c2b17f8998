// `npm run import -- --prefix old/ [--url http://localhost:8787] [--token …]`: adopts the recordings that lie under a prefix
// of the bucket, where they are. The Worker does it in steps; this asks for one after the other until all is done, and can be
// run again at any time: what was adopted is passed over. Ends with 0 only when every step went without a fault.
import { parseArgs } from 'node:util'
import { endSignal } from './signals.ts'
import { readVarsFile } from './vars-file.ts'

const defaultUrl = 'http://localhost:8787'
const stepTimeoutMs = 120_000
/** A step that failed on the way is asked for again; done twice is done once. */
const tries = 3

interface Step {
  seen: number
  adopted: number
  errors: string[]
  nextCursor: string | null
}

/** What makes it impossible to go on, in words. */
class ImportError extends Error {}

const signal = endSignal()
try {
  const { errors } = await run(process.argv.slice(2))
  process.exitCode = errors === 0 ? 0 : 1
} catch (error) {
  if (signal.aborted) process.exitCode = Number(signal.reason)
  else if (error instanceof ImportError) {
    console.error(error.message)
    process.exitCode = 1
  } else throw error
}

async function run(args: string[]): Promise<{ errors: number }> {
  const { prefix, url, token } = await readArguments(args)
  let [seen, adopted, errors] = [0, 0, 0]
  let cursor: string | null = null
  for (let number = 1; ; number += 1) {
    const step: Step = await ask(url, token, cursor === null ? { prefix } : { prefix, cursor })
    seen += step.seen
    adopted += step.adopted
    errors += step.errors.length
    console.log(`step ${number}: ${step.seen} looked at, ${step.adopted} adopted`)
    for (const words of step.errors) console.error(`  ${words}`)
    if (step.nextCursor === null) break
    if (step.nextCursor === cursor) throw new ImportError('The import does not come any further.')
    cursor = step.nextCursor
  }
  console.log(`${prefix}: ${seen} looked at, ${adopted} adopted, ${errors} faults`)
  return { errors }
}

async function readArguments(args: string[]): Promise<{ prefix: string; url: URL; token: string }> {
  const usage = 'npm run import -- --prefix old/ [--url http://localhost:8787] [--token TOKEN]'
  const values = parse(args, usage)
  const address = values.url ?? defaultUrl
  if (values.prefix === undefined || values.prefix === '') throw new ImportError(usage)
  if (!URL.canParse(address)) throw new ImportError(`${address} is no address.\n${usage}`)
  const token =
    values.token ?? process.env['ADMIN_TOKEN'] ?? (await readVarsFile('.dev.vars'))?.['ADMIN_TOKEN']
  if (token === undefined || token === '') {
    throw new ImportError(`There is no ADMIN_TOKEN in .dev.vars; give one with --token.\n${usage}`)
  }
  const url = new URL(address)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/imports`
  return { prefix: values.prefix, url, token }
}

function parse(args: string[], usage: string) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({ args, options: { prefix: text, url: text, token: text } }).values
  } catch (error) {
    throw new ImportError(`${error instanceof Error ? error.message : String(error)}\n${usage}`, {
      cause: error,
    })
  }
}

async function ask(
  url: URL,
  token: string,
  body: { prefix: string; cursor?: string },
): Promise<Step> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(url, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(stepTimeoutMs)]),
      })
      const answer: unknown = await response.json().catch(() => null)
      if (response.ok && isStep(answer)) return answer
      const words = `${url.href} answered ${response.status}: ${detailOf(answer)}`
      if (response.status < 500 || attempt === tries) throw new ImportError(words)
      console.error(words)
    } catch (error) {
      if (error instanceof ImportError || signal.aborted) throw error
      const words = `${url.href} cannot be reached: ${reasonOf(error)}`
      if (attempt === tries) throw new ImportError(words, { cause: error })
      console.error(words)
    }
  }
}

function isStep(answer: unknown): answer is Step {
  return typeof answer === 'object' && answer !== null && 'nextCursor' in answer
}

function detailOf(answer: unknown): string {
  const isProblem = typeof answer === 'object' && answer !== null && 'detail' in answer
  return isProblem ? String(answer.detail) : 'no reason was given.'
}

/** `fetch` says only that it failed; why is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.message : error.message
}
