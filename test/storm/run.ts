// One seed: the history in calm, then the same history in the storm, then the invariants. Used by the test, which runs a
// thousand of them, and by `npm run storm`. What the sweep logs is kept quiet: a thousand seeds log millions of lines.
import { historyOf } from './history.ts'
import type { History } from './history.ts'
import { check, endStates } from './invariants.ts'
import { checkCalm } from './oracle.ts'
import { asBuilt } from './rules.ts'
import type { Rules } from './rules.ts'
import { calmOf, simulate, stormOf } from './simulation.ts'
import type { Conditions } from './simulation.ts'
import { Broken } from './world.ts'

export interface Failure {
  seed: number
  invariant: string
  message: string
}

/** Runs one seed. @returns what did not hold, or `null`. */
export async function runSeed(
  seed: number,
  rules: Rules = asBuilt,
  lines: string[] | null = null,
): Promise<Failure | null> {
  const history = historyOf(seed)
  const storm = stormOf(seed, history)
  lines?.push(...headOf(history, storm))
  try {
    const calm = await quietly(async () => simulate(history, calmOf(storm), asBuilt))
    check(calm, calm)
    checkCalm(calm)
    const after = await quietly(async () => simulate(history, storm, rules, lines))
    lines?.push(...tailOf(after.bucket.objects.keys(), endStates(after)))
    check(after, calm)
    return null
  } catch (error) {
    if (error instanceof Broken) {
      return { seed, invariant: error.invariant, message: error.message }
    }
    throw error
  }
}

/** The history of a seed, line by line, with what did not hold at its end. */
export async function replay(seed: number, rules: Rules = asBuilt): Promise<string[]> {
  const lines: string[] = []
  const failure = await runSeed(seed, rules, lines)
  lines.push(failure === null ? 'everything held' : `BROKEN ${failure.message}`)
  return lines
}

function headOf({ lives }: History, { store, settings, weather }: Conditions): string[] {
  return [
    ...lives.map(({ egressId, shape, told, uploads }) =>
      [
        `${egressId} ${shape}`,
        ...told.map(({ atMs, facts }) => `  ${iso(atMs)} ${facts.status} ${facts.updatedAtUs}`),
        ...uploads.map(({ atMs, key, content }) => `  ${iso(atMs)} ${content.content} ${key}`),
      ].join('\n'),
    ),
    `store ${JSON.stringify(store)}`,
    `settings ${JSON.stringify(settings)}`,
    `weather ${JSON.stringify(weather)}`,
  ]
}

function tailOf(keys: Iterable<string>, ends: ReadonlyMap<string, unknown>): string[] {
  return [
    ...[...keys].map((key) => `in the bucket: ${key}`),
    ...[...ends].map(([egressId, end]) => `${egressId} ends as ${JSON.stringify(end)}`),
  ]
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString()
}

function silent(): void {}

async function quietly<T>(act: () => Promise<T>): Promise<T> {
  const { log, error } = console
  const { stackTraceLimit } = Error
  Object.assign(console, { log: silent, error: silent })
  // A storm throws a hundred thousand faults, and nobody reads where they come from.
  Error.stackTraceLimit = 0
  try {
    return await act()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    Object.assign(console, { log, error })
  }
}
