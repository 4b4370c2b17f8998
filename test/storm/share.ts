// A core's share of a long storm, as a process of its own: runs the ranges of seeds that it is handed. The world of a seed is
// made of its number alone, so it does not matter which process runs it, nor beside which others. Ends with its parent.
import { runSeed } from './run.ts'
import type { Failure } from './run.ts'

export interface Range {
  from: number
  count: number
}

export interface Ran {
  range: Range
  failures: Failure[]
}

process.once('disconnect', () => process.exit())
process.on('message', (range: Range) => {
  void run(range).then((ran) => process.send?.(ran))
})

async function run(range: Range): Promise<Ran> {
  const failures: Failure[] = []
  for (let seed = range.from; seed < range.from + range.count; seed += 1) {
    const failure = await runSeed(seed).catch((error: unknown) => bugOf(seed, error))
    if (failure !== null) failures.push(failure)
  }
  return { range, failures }
}

/** No invariant broke, and still it threw: the others go on, and this seed is told of as well. */
function bugOf(seed: number, error: unknown): Failure {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { seed, invariant: 'nothing throws', message }
}
